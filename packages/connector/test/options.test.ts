import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { ExtensionTable } from '../src/msgpack/ext/extension.ts'
import { type ConnectOptions, resolveOptions } from '../src/options.ts'

test('what is not given has its documented default', () => {
  const { password, ...options } = resolveOptions({})
  expect(options).toEqual({
    address: { host: '127.0.0.1', port: 3301 },
    socket: undefined,
    user: undefined,
    auth: 'auto',
    tls: undefined,
    require: { protocol: 0, features: [] },
    connectTimeoutMs: 5000,
    requestTimeoutMs: 30_000,
    maxInFlight: 16_384,
    maxFrameBytes: 268_435_456,
    maxBufferedBytes: 67_108_864,
    offlineQueueMax: 10_000,
    reconnect: { minDelayMs: 50, maxDelayMs: 5000, attempts: Number.POSITIVE_INFINITY },
    pingIntervalMs: 30_000,
    bulkLane: false,
    extensions: new ExtensionTable([]),
    int64: 'safe',
    tupleFormats: false,
  })
  expect(password()).toBe('')
})

test('undefined means the default', () => {
  const given = { host: undefined, port: undefined, requestTimeoutMs: undefined, offlineQueue: { max: undefined } }
  expect(resolveOptions(given)).toMatchObject({ requestTimeoutMs: 30_000, offlineQueueMax: 10_000 })
})

test('a URI may stand alone or beside other options', () => {
  expect(resolveOptions('app:secret@db:1', { requestTimeoutMs: 5 })).toMatchObject({ user: 'app', requestTimeoutMs: 5 })
  expect(resolveOptions({ uri: 'app@db:1', password: () => 'secret' }).password()).toBe('secret')
  expect(resolveOptions({ uri: 'app:one@db:1', password: 'two' }).password()).toBe('two')
})

test('false switches the offline queue and the reconnect off', () => {
  expect(resolveOptions({ offlineQueue: false, reconnect: false })).toMatchObject({
    offlineQueueMax: 0,
    reconnect: undefined,
  })
})

test('the password is not seen when the options are printed', () => {
  expect(inspect(resolveOptions('app:hidden@db:1'), { depth: 9 })).not.toContain('hidden')
})

describe('a wrong option is refused with what was expected and what came', () => {
  test.each<[given: unknown, text: string]>([
    [{ port: 0 }, 'Expected `port` to be an integer from 1 to 65535, got `0` (number)'],
    [{ port: '3301' }, "got `'3301'` (string)"],
    [{ host: '' }, 'Expected `host` to be a string that is not empty'],
    [{ connectTimeoutMs: 0 }, 'Expected `connectTimeoutMs` to be a number of milliseconds > 0'],
    [{ requestTimeoutMs: Number.NaN }, 'got `NaN` (number)'],
    [{ maxInFlight: 1.5 }, 'Expected `maxInFlight` to be an integer >= 1'],
    [{ offlineQueue: { max: 0 } }, 'Expected `offlineQueue.max`'],
    [{ reconnect: { attempts: 0 } }, 'Expected `reconnect.attempts`'],
    [{ reconnect: { maxDelayMs: Number.POSITIVE_INFINITY } }, 'to be finite'],
    [{ uri: 'db:1', host: 'db' }, 'Expected `uri` alone'],
    [{ uri: 7 }, 'Expected `uri` to be a string'],
    [{ path: '/x', port: 1 }, 'Expected `path` without'],
    [{ password: 'secret' }, 'Expected `user` beside `password`'],
    [{ user: 'app', password: 7 }, 'Expected `password` to be a string or a function'],
    [{ auth: 'md5' }, 'Expected `auth` to be auto, chap-sha1 or pap-sha256'],
    [{ auth: 'pap-sha256' }, 'Expected `tls` beside `auth: pap-sha256`'],
    [{ auth: 'pap-sha256', path: '/x' }, 'Expected `tls` beside `auth: pap-sha256`'],
    [{ int64: 'bigint-when-unsafe' }, 'Expected `int64` to be safe, bigint, number or string'],
    [{ bulkLane: 1 }, 'Expected `bulkLane` to be true or false'],
    [{ socket: 'x' }, 'Expected `socket` to be a function'],
    [{ tls: 1 }, 'Expected `tls` to be a boolean or an object'],
    [{ tls: { CA: '' } }, 'Unknown option `tls.CA`'],
    [{ tls: { cert: '' } }, 'Expected `tls.cert` and `tls.key` together'],
    [{ tls: { cert: '', key: '', pfx: '' } }, 'Expected `tls.pfx` without'],
    [{ tls: { rejectUnauthorized: 0 } }, 'Expected `tls.rejectUnauthorized` to be a boolean'],
    [{ require: { protocol: -1 } }, 'Expected `require.protocol` to be an integer >= 0'],
    [{ require: { features: 'streams' } }, 'Expected `require.features` to be an array'],
  ])('%j', (given, text) => {
    expect(() => resolveOptions(given as ConnectOptions)).toThrow(
      expect.objectContaining({
        name: 'UsageError',
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining(text) as unknown,
      }),
    )
  })
})
