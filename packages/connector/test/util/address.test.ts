import { describe, expect, test } from 'vitest'
import { formatAddress, parseUri } from '../../src/util/address.ts'

const nobody = { user: undefined, password: undefined }

describe('a URI', () => {
  test.each([
    ['127.0.0.1:3302', { address: { host: '127.0.0.1', port: 3302 }, ...nobody }],
    ['example.com', { address: { host: 'example.com', port: 3301 }, ...nobody }],
    ['3302', { address: { host: '127.0.0.1', port: 3302 }, ...nobody }],
    ['tarantool://db:3302/', { address: { host: 'db', port: 3302 }, ...nobody }],
    ['[::1]:3302', { address: { host: '::1', port: 3302 }, ...nobody }],
    [
      'tarantool://app:secret@[fe80::1%eth0]',
      { address: { host: 'fe80::1%eth0', port: 3301 }, user: 'app', password: 'secret' },
    ],
    ['app@host:1', { address: { host: 'host', port: 1 }, user: 'app', password: undefined }],
    ['app:@host:1', { address: { host: 'host', port: 1 }, user: 'app', password: '' }],
    [
      'tarantool://user:p%40ss%3A%2F@host:3301',
      { address: { host: 'host', port: 3301 }, user: 'user', password: 'p@ss:/' },
    ],
    ['tarantool://user:p@ss@host:3301', { address: { host: 'host', port: 3301 }, user: 'user', password: 'p@ss' }],
    ['user:a:b@host:3301', { address: { host: 'host', port: 3301 }, user: 'user', password: 'a:b' }],
    ['unix:/run/tnt@1.sock', { address: { path: '/run/tnt@1.sock' }, ...nobody }],
    ['unix/:/run/tnt.sock', { address: { path: '/run/tnt.sock' }, ...nobody }],
    ['/run/tnt.sock', { address: { path: '/run/tnt.sock' }, ...nobody }],
    ['tarantool://user:pw@/run/tnt@1.sock', { address: { path: '/run/tnt@1.sock' }, user: 'user', password: 'pw' }],
    ['user:pw@unix/:/run/tnt.sock', { address: { path: '/run/tnt.sock' }, user: 'user', password: 'pw' }],
  ])('%s', (uri, expected) => {
    expect(parseUri(uri)).toEqual({ isTls: false, ...expected })
  })

  test.each(['tarantool+tls://user:pw@db:3302', 'Tarantool+TLS://user:pw@db:3302'])('%s is one over TLS', (uri) => {
    expect(parseUri(uri)).toEqual({ address: { host: 'db', port: 3302 }, isTls: true, user: 'user', password: 'pw' })
  })
})

describe('a wrong URI is refused with what is expected, and never shown', () => {
  test.each([
    ['redis://secret@host:6379', 'expected the scheme tarantool:// or tarantool.tls://, got redis://'],
    ['', 'expected host:port'],
    ['host:port', 'expected host:port'],
    ['host:0', 'the port must be from 1 to 65535, got 0'],
    ['host:65536', 'got 65536'],
    ['::1:3301', 'expected host:port'],
    ['user:se%cret@host', 'write % as %25'],
    [':secret@host', 'the user before `@` is empty'],
    ['host:3301?secret=1', 'expected host:port'],
    ['secret host:3301', 'expected host:port'],
  ])('%s', (uri, text) => {
    const refusal = expect.objectContaining({
      code: 'INVALID_URI',
      message: expect.stringMatching(new RegExp(`^(?!.*se%?cret).*${text.replace(/[?:[\]]/g, '[$&]')}`)),
    })
    expect(() => parseUri(uri)).toThrow(refusal)
  })
})

test('an address is shown as one would write it', () => {
  expect(formatAddress({ host: '::1', port: 1 })).toBe('[::1]:1')
  expect(formatAddress({ host: 'db', port: 1 })).toBe('db:1')
  expect(formatAddress({ path: '/x' })).toBe('/x')
})
