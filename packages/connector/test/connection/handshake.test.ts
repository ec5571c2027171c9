import { describe, expect, test } from 'vitest'
import { recordedGreeting } from '../../../../test/helpers/scripted-peer.ts'
import { type Credentials, shakeHands } from '../../src/connection/handshake.ts'
import { ServerError } from '../../src/errors.ts'
import { Writer } from '../../src/msgpack/writer.ts'
import type { Demands } from '../../src/options.ts'
import { type Feature, featuresFrom } from '../../src/protocol/features.ts'
import { parseGreeting } from '../../src/protocol/greeting.ts'
import type { Request } from '../../src/protocol/request.ts'
import { AuthRequest } from '../../src/protocol/requests/auth.ts'
import { type Identity, IdRequest, NO_IDENTITY } from '../../src/protocol/requests/id.ts'

const CHAP = 'chap-sha1'
const PAP = 'pap-sha256'
const EVERYTHING: Identity = { protocol: 10, features: featuresFrom([0, 1, 2, 3, 4, 5, 6]), authType: undefined }

/** A server that lets everybody in, or nobody. */
interface Server {
  readonly identity?: Identity
  readonly refusal?: number
}

interface Tried {
  readonly session: Promise<unknown>
  /** What was asked for, in order: `id`, and the body of each `auth` as text. */
  readonly asked: string[]
}

function shake(server: Server, credentials: Partial<Credentials> | undefined, require: Demands = {}): Tried {
  const asked: string[] = []
  const { identity = EVERYTHING, refusal } = server
  const request = async (request: Request): Promise<unknown> => {
    if (request instanceof IdRequest) {
      asked.push('id')
      // The reply takes its time, so that who waits for it is seen.
      await new Promise(setImmediate)
      asked.push('identity')
      return identity
    }
    asked.push(bodyOf(request))
    if (refusal === undefined) return undefined
    // As the server does, after the reply to ID.
    await new Promise(setImmediate)
    throw new ServerError('ER_CREDS_MISMATCH', refusal, 'Incorrect password', [], false)
  }
  const who = { user: 'app', password: 'secret', auth: 'auto', isEncrypted: false, ...credentials } as const
  const introduction = { credentials: credentials && who, tupleFormats: false, require }
  return { asked, session: shakeHands(parseGreeting(recordedGreeting()), introduction, request) }
}

function bodyOf(request: Request): string {
  const writer = new Writer(256)
  request.writeBody(writer)
  return writer.buffer.toString('latin1', 0, writer.length)
}

const chapWithoutWaiting = ['id', expect.stringContaining(CHAP), 'identity']
const after = (method: string): unknown[] => ['id', 'identity', expect.stringContaining(method)]

describe('the password is proved', () => {
  test('by chap-sha1 at once, without TLS', async () => {
    const { session, asked } = shake({}, {})
    await session
    expect(asked).toEqual(chapWithoutWaiting)
    expect(asked[1]).not.toContain('secret')
  })

  test('by chap-sha1 at once without TLS, also where the server asks for the password itself', async () => {
    const { session, asked } = shake({ identity: { ...EVERYTHING, authType: PAP } }, {})
    await session
    expect(asked).toEqual(chapWithoutWaiting)
    expect(asked[1]).not.toContain('secret')
  })

  test.each([
    [PAP, PAP],
    [CHAP, CHAP],
    ['ldap', CHAP],
    [undefined, CHAP],
  ])('over TLS, to a server that asks for %s, by %s', async (authType, method) => {
    const { session, asked } = shake({ identity: { ...EVERYTHING, authType } }, { isEncrypted: true })
    await session
    expect(asked).toEqual(after(method))
  })

  test.each([CHAP, PAP] as const)('by %s at once over TLS, where the options say so', async (auth) => {
    const { session, asked } = shake({ identity: NO_IDENTITY }, { isEncrypted: true, auth })
    await session
    expect(asked).toEqual(['id', expect.stringContaining(auth), 'identity'])
  })

  test('also if it is empty, and not at all by the guest', async () => {
    const { session, asked } = shake({}, { password: '' })
    await session
    expect(asked).toEqual(chapWithoutWaiting)
    const guest = shake({}, undefined)
    await guest.session
    expect(guest.asked).toEqual(['id', 'identity'])
  })
})

test('AUTH by pap-sha256 is the user, the method and the password as it is', () => {
  const request = new AuthRequest('app', PAP, 'sécret', Buffer.alloc(20))
  expect(Buffer.from(bodyOf(request), 'latin1').toString('hex')).toBe(
    `8223a3${hex('app')}2192aa${hex(PAP)}a7${hex('sécret')}`,
  )
})

describe('a refusal', () => {
  test('says where the password would have to be sent itself', async () => {
    const { session } = shake({ identity: { ...EVERYTHING, authType: PAP }, refusal: 47 }, {})
    await expect(session).rejects.toMatchObject({
      code: 'AUTH_FAILED',
      message: expect.stringContaining(
        'it asks for pap-sha256, which sends the password itself: connect over TLS',
      ) as unknown,
    })
  })

  test.each([47, 249, 250, 251, 256])('by error %i is for good', async (refusal) => {
    const { session } = shake({ refusal }, {})
    await expect(session).rejects.toMatchObject({ code: 'AUTH_FAILED', retryable: false })
  })

  test('by any other error may pass', async () => {
    await expect(shake({ refusal: 116 }, {}).session).rejects.toMatchObject({ code: 'CONNECT_FAILED', retryable: true })
  })
})

describe('what is required of the server', () => {
  const features: readonly Feature[] = ['watchers', 'streams']

  test('is there', async () => {
    const { session } = shake({}, undefined, { protocol: 10, features })
    expect(await session).toMatchObject({ version: '3.8.0', protocol: 10 })
  })

  test('is a version of the protocol that it lacks', async () => {
    await expect(shake({}, undefined, { protocol: 11 }).session).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: 'The server (3.8.0) speaks version 10 of the protocol; 11 is required',
    })
  })

  test('is a feature that it lacks, and the first version with it is named', async () => {
    const { session } = shake({ identity: NO_IDENTITY }, undefined, { features })
    await expect(session).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      retryable: false,
      sent: false,
      message: expect.stringContaining('lacks the feature `watchers`, which Tarantool has since 2.10') as unknown,
    })
  })

  test('must be a feature by its name', async () => {
    await expect(shake({}, undefined, { features: ['watcher'] }).session).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/of streams, .*; got `watcher`/) as unknown,
    })
  })
})

function hex(text: string): string {
  return Buffer.from(text).toString('hex')
}
