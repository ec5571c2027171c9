import type { Credentials } from '../connection/handshake.ts'
import { UsageError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'

/** What a session begins with, asked anew for each; undefined for the guest, who has no password. Rejects as `password` does. */
export async function credentialsFrom(options: ResolvedOptions): Promise<Credentials | undefined> {
  const { user, auth, tls } = options
  const password: unknown = await options.password()
  if (typeof password !== 'string') throw new UsageError('INVALID_ARGUMENT', 'Expected `password()` to give a string')
  if (user === undefined || (user === 'guest' && password === '')) return undefined
  return { user, password, auth, isEncrypted: tls !== undefined }
}
