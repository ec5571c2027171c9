import type { Pending } from '../connection/pending.ts'
import { type RequestMessage, requestChannel, trace } from '../diagnostics.ts'
import { RequestType } from '../protocol/constants.ts'
import type { Request } from '../protocol/request.ts'
import { CallRequest } from '../protocol/requests/call.ts'
import { SpaceRequest } from '../protocol/requests/space-request.ts'
import type { Address } from '../util/address.ts'

const OPERATIONS: ReadonlyMap<number, string> = new Map(
  Object.entries(RequestType).map(([name, type]) => [type, name.toLowerCase()]),
)

/** Sends a request and tells the subscribers of `tarantella:request`; only for when there are any. */
export function traceRequest(pending: Pending, address: Address, send: () => Promise<unknown>): Promise<unknown> {
  return trace(requestChannel, describe(pending, address), send)
}

function describe(pending: Pending, address: Address): RequestMessage {
  const request: Request = pending.request
  return {
    operation: OPERATIONS.get(request.type) ?? `request_${request.type}`,
    space: request instanceof SpaceRequest ? request.space : undefined,
    functionName: request instanceof CallRequest ? request.text : undefined,
    address,
    // Known only when it has been sent, and another one after a resend.
    get sync() {
      return pending.sync
    },
  }
}
