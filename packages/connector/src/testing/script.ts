import type { ServerError, ServerErrorCode } from '../errors.ts'
import { Key } from '../protocol/constants.ts'
import type { FakeRequest } from './fake-request.ts'
import { serverError } from './server-error.ts'

/** What a handler may give: at once or as a promise. */
export type Awaitable<T> = T | Promise<T>

/** Answers to the requests to one space; those left out are refused. */
export interface SpaceHandlers {
  /** The tuples found; of `get`, too. */
  readonly select?: ((request: FakeRequest) => Awaitable<readonly unknown[]>) | undefined
  /** The tuple as it was stored. @default the tuple of the request */
  readonly insert?: ((request: FakeRequest) => Awaitable<readonly unknown[]>) | undefined
  /** The tuple as it was stored. @default the tuple of the request */
  readonly replace?: ((request: FakeRequest) => Awaitable<readonly unknown[]>) | undefined
  /** The tuple as it is then; undefined if there is none. */
  readonly update?: ((request: FakeRequest) => Awaitable<readonly unknown[] | undefined>) | undefined
  readonly upsert?: ((request: FakeRequest) => Awaitable<void>) | undefined
  /** The tuple that was deleted; undefined if there was none. */
  readonly delete?: ((request: FakeRequest) => Awaitable<readonly unknown[] | undefined>) | undefined
}

/** What a function returns: all its values, as an array. */
// A test's function knows its own arguments; what it is called with is not checked.
export type CallHandler = (...args: never[]) => Awaitable<readonly unknown[]>

/** The values of the reply, or its whole body by the keys of IPROTO. */
export type RequestHandler = (request: FakeRequest) => Awaitable<readonly unknown[] | ReadonlyMap<number, unknown>>

/** What a statement brings: the rows of a query, or what another one has changed. */
export interface SqlAnswer {
  readonly columns?: readonly string[] | undefined
  /** One array per row, in the order of `columns`. */
  readonly rows?: readonly (readonly unknown[])[] | undefined
  /** @default 0 */
  readonly rowCount?: number | undefined
  readonly autoincrementIds?: readonly (number | bigint)[] | undefined
}

/** Requests that succeed without a script. */
const SILENT = new Set(['ping', 'begin', 'commit', 'rollback'])

/** Who answers which request. */
export class Script {
  readonly calls: Map<string, CallHandler> = new Map()
  readonly spaces: Map<string | number, SpaceHandlers> = new Map()
  readonly operations: Map<string, RequestHandler> = new Map()

  /** The body of the reply; rejects with what a handler throws. */
  async answer(request: FakeRequest): Promise<ReadonlyMap<unknown, unknown>> {
    const values = await this.#values(request)
    // Only a RequestHandler gives a Map.
    return values instanceof Map ? (values as ReadonlyMap<unknown, unknown>) : new Map([[Key.DATA, values]])
  }

  #values(request: FakeRequest): unknown {
    const byOperation = this.operations.get(request.operation)
    if (byOperation !== undefined) return byOperation(request)
    if (SILENT.has(request.operation)) return []
    if (request.operation === 'call') return this.#call(request)
    if (request.space !== undefined) return this.#space(request, request.space)
    throw unscripted('ER_UNSUPPORTED', `no \`${request.operation}\``, `onRequest('${request.operation}', …)`)
  }

  #call({ text, args }: FakeRequest): unknown {
    const handler = this.calls.get(text)
    if (handler === undefined) throw unscripted('ER_NO_SUCH_PROC', `no function '${text}'`, `onCall('${text}', …)`)
    // Whether the arguments are those that the handler expects is the test's affair.
    return handler(...(args as never[]))
  }

  async #space(request: FakeRequest, space: string | number): Promise<readonly unknown[]> {
    const handlers = this.spaces.get(space)
    const how = `onSpace('${space}', { ${request.operation}: … })`
    if (handlers === undefined) throw unscripted('ER_NO_SUCH_SPACE', `no space '${space}'`, how)
    const { operation, tuple } = request
    if (operation === 'insert' || operation === 'replace') return [(await handlers[operation]?.(request)) ?? tuple]
    if (operation === 'select' && handlers.select !== undefined) return handlers.select(request)
    if (operation === 'upsert' && handlers.upsert !== undefined) {
      await handlers.upsert(request)
      return []
    }
    const changes = operation === 'update' || operation === 'delete' ? handlers[operation] : undefined
    if (changes === undefined) throw unscripted('ER_UNSUPPORTED', `no \`${operation}\` for space '${space}'`, how)
    const changed = await changes(request)
    return changed === undefined ? [] : [changed]
  }
}

/** The body of the reply to an execute, see protocol/requests/execute.ts. */
export function sqlBody({
  columns,
  rows = [],
  rowCount = 0,
  autoincrementIds,
}: SqlAnswer): ReadonlyMap<number, unknown> {
  if (columns !== undefined) {
    const metadata = columns.map(
      (name) =>
        new Map([
          [0, name],
          [1, 'any'],
        ]),
    )
    return new Map<number, unknown>([
      [Key.METADATA, metadata],
      [Key.DATA, rows],
    ])
  }
  const info = new Map<number, unknown>([[0, rowCount]])
  if (autoincrementIds !== undefined) info.set(1, autoincrementIds)
  return new Map<number, unknown>([[Key.SQL_INFO, info]])
}

function unscripted(code: ServerErrorCode, what: string, how: string): ServerError {
  return serverError(code, `The fake server has ${what}; script it with ${how}`)
}
