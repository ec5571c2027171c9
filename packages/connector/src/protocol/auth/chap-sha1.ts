import { createHash } from 'node:crypto'

/*
 * scramble = sha1(password) xor sha1(salt, sha1(sha1(password)))
 *   salt = the first 20 bytes of the greeting's
 */

/** The proof of knowing `password` for this connection; an empty password is one like any other. */
export function chapSha1(password: string, salt: Uint8Array): Buffer {
  const once = sha1(Buffer.from(password))
  const twice = sha1(once)
  const mask = sha1(salt, twice)
  const scramble = Buffer.alloc(once.length)
  for (let i = 0; i < once.length; i++) scramble[i] = once.readUInt8(i) ^ mask.readUInt8(i)
  return scramble
}

function sha1(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}
