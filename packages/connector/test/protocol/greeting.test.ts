import { describe, expect, test } from 'vitest'
import { RECORDINGS, readRecording } from '../../../../test/helpers/recorded.ts'
import { chapSha1 } from '../../src/protocol/auth/chap-sha1.ts'
import { assertGreetingBegins, parseGreeting } from '../../src/protocol/greeting.ts'

function greeting(text: string): Buffer {
  return Buffer.from(text.padEnd(63, ' ').concat('\n', 'A'.repeat(44).padEnd(63, ' '), '\n'))
}

test.each(RECORDINGS)('the greeting of %s gives version, uuid and 20 bytes of salt', (name) => {
  const recording = readRecording(name)
  const { version, uuid, salt } = parseGreeting(Buffer.from(recording.greeting, 'hex'))
  expect(version).toBe(recording.server.replace('-names', ''))
  expect(uuid).toMatch(/^[\da-f-]{36}$/)
  expect(salt).toHaveLength(20)
})

test.each(RECORDINGS)('the recorded client of %s has proved its password as we do', (name) => {
  const recording = readRecording(name)
  const { salt } = parseGreeting(Buffer.from(recording.greeting, 'hex'))
  const auth = recording.requests.find(({ request }) => request === 'AUTH')
  // ["chap-sha1", <20 bytes as a str of 20>] ends the packet.
  expect(chapSha1('secret', salt).toString('hex')).toBe(auth?.bytes.slice(-40))
})

test('an empty password is proved like any other', () => {
  expect(chapSha1('', Buffer.alloc(20))).toHaveLength(20)
})

describe('a peer that is no Tarantool binary port', () => {
  test('is told by its text', () => {
    expect(() => parseGreeting(greeting('HTTP/1.1 400 Bad Request'))).toThrow(
      expect.objectContaining({ code: 'NOT_TARANTOOL', retryable: false }),
    )
  })

  test('is told by its first bytes, before there are 128 of them', () => {
    expect(() => assertGreetingBegins(Buffer.from('+OK'))).toThrow('expected its greeting, got "+OK"')
    assertGreetingBegins(Buffer.from('Taran'))
    assertGreetingBegins(Buffer.alloc(0))
  })

  test('is named where it is a console', () => {
    expect(() => parseGreeting(greeting('Tarantool 2.6.0 (Lua console)'))).toThrow('"Lua console" console')
  })

  test('has a salt that is too short', () => {
    const bytes = Buffer.from('Tarantool 2.6.0 (Binary) x'.padEnd(63, ' ').concat('\n', 'AAAA'.padEnd(63, ' '), '\n'))
    expect(() => parseGreeting(bytes)).toThrow(expect.objectContaining({ code: 'NOT_TARANTOOL' }))
  })
})
