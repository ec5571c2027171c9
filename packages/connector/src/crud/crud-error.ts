import { TarantellaError } from '../errors.ts'

/** One error as crud describes it. */
export interface CrudFailure {
  /** Such as `InsertError` or `SelectError`. */
  readonly className: string
  readonly message: string
  /** Without the place in crud's source and the text of causes. */
  readonly text: string
  /** What it happened to, of an operation on many: the tuple, the object, or the pair of one and operations. */
  readonly operationData: unknown
}

/**
 * What crud answered instead of a result, as `nil, error`. `sent` is true: the router had the request, and of an
 * operation on many a part may have been done.
 */
export class CrudError extends TarantellaError<'CRUD_ERROR'> {
  /** At least one. */
  readonly failures: readonly CrudFailure[]

  constructor(functionName: string, failures: readonly CrudFailure[]) {
    const [first] = failures
    const more = failures.length > 1 ? `, and ${failures.length - 1} more` : ''
    const message = `${functionName}: ${first?.text ?? 'failed without a reason'}${more}`
    super('CRUD_ERROR', message, { retryable: false, sent: true })
    this.failures = failures
  }
}

/** The second value of a crud function: one error, an array of them, or nil. */
export function failuresFrom(value: unknown): readonly CrudFailure[] {
  if (value === null || value === undefined) return []
  return Array.isArray(value) ? value.map(failureFrom) : [failureFrom(value)]
}

function failureFrom(value: unknown): CrudFailure {
  if (typeof value !== 'object' || value === null) {
    return { className: '', message: String(value), text: String(value), operationData: undefined }
  }
  const message = textOf('str' in value ? value.str : undefined)
  const text = textOf('err' in value ? value.err : undefined)
  return {
    className: textOf('class_name' in value ? value.class_name : undefined),
    message: message === '' ? text : message,
    text: text === '' ? message : text,
    operationData: 'operation_data' in value ? value.operation_data : undefined,
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
