import { PayloadError, type PayloadFacts, type PayloadIssue } from './payload-error.ts'

/**
 * A schema of any library that follows Standard Schema (https://standardschema.dev), as zod, valibot and
 * arktype do. `In` is what may be put, `Out` what a task has.
 */
export interface PayloadSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Out> | Promise<SchemaResult<Out>>
    /** For the compiler alone. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

type SchemaResult<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What the schema makes of the value, at once or by a promise, as the schema does; throws PAYLOAD_INVALID. */
export function parse<Out>(
  schema: PayloadSchema<unknown, Out>,
  value: unknown,
  facts: PayloadFacts,
): Out | Promise<Out> {
  const result = schema['~standard'].validate(value)
  if (result instanceof Promise) return result.then((settled) => outputOf(settled, facts))
  return outputOf(result, facts)
}

/** Issues that an error's text names. */
const MAX_NAMED = 3

function outputOf<Out>(result: SchemaResult<Out>, facts: PayloadFacts): Out {
  if (result.issues === undefined) return result.value
  const issues = result.issues.map(toIssue)
  const named = issues.slice(0, MAX_NAMED).map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
  const others = issues.length > MAX_NAMED ? `, and ${issues.length - MAX_NAMED} more` : ''
  const whose = facts.id === undefined ? 'A payload' : `The payload of task ${facts.id}`
  const text = `${whose} is not as the schema of tube ${facts.tube} says: ${named.join('; ')}${others}`
  throw new PayloadError('PAYLOAD_INVALID', text, { ...facts, issues })
}

function toIssue({ message, path = [] }: SchemaIssue): PayloadIssue {
  const keys = path.map((part) => String(typeof part === 'object' ? part.key : part))
  return { message, path: keys.join('.') }
}
