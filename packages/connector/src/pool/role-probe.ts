import { ServerError } from '../errors.ts'
import { Uuid } from '../msgpack/ext/uuid.ts'
import { ErrorNumber } from '../protocol/error-codes.ts'
import { DeleteRequest } from '../protocol/requests/delete.ts'
import type { Role } from './roles.ts'

const VSPACE = 281

/**
 * Asks whether a server takes writes, by one that it can never execute: a view has nothing to delete. The server looks
 * at its own state before it looks at the user's rights and at the space, so the answer costs no rights, unlike
 * `box.info`: error 7 from a read-only server, another one ("access denied", "view is read-only") from any other.
 * The same in 2.6, 2.11 and 3.8.
 */
export function roleProbe(): DeleteRequest<undefined> {
  return new DeleteRequest(VSPACE, 0, [0])
}

/** What the answer says; throws if the server does not serve yet, or has not answered. */
export function roleFromProbe(error: unknown): Role {
  if (!(error instanceof ServerError)) throw error
  if (error.number === ErrorNumber.LOADING) throw error
  return error.number === ErrorNumber.READONLY ? 'ro' : 'rw'
}

/** The role in a value of the event `box.status`; undefined while the instance does not serve. */
export function roleFromStatus(status: unknown): Role | undefined {
  if (typeof status !== 'object' || status === null) return undefined
  // Its fields are looked at one by one.
  const { is_ro: isReadOnly, status: phase } = status as { readonly is_ro?: unknown; readonly status?: unknown }
  // An orphan serves reads; it says of itself that it is read-only.
  if (phase !== 'running' && phase !== 'orphan') return undefined
  return isReadOnly === true ? 'ro' : 'rw'
}

/** Whether a request failed because the server is read-only. */
export function isReadOnlyRefusal(error: unknown): error is ServerError {
  return error instanceof ServerError && error.number === ErrorNumber.READONLY
}

/** Who leads, as the server that refused a write says (Raft, since 2.10). */
export function leaderIn(error: ServerError): string | undefined {
  const uuid = error.frames[0]?.fields['leader_uuid']
  return uuid instanceof Uuid ? uuid.toString() : undefined
}
