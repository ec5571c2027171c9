import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { type FaultProxy, type FaultProxyOptions, startFaultProxy } from '../helpers/fault-proxy.ts'

/** A server that sends back what it gets, in upper case, and notes what that was. */
async function startEcho(): Promise<{ readonly port: number; readonly got: () => string; readonly server: Server }> {
  let got = ''
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      got += chunk.toString()
      socket.write(chunk.toString().toUpperCase())
    })
    socket.on('end', () => socket.end())
    onTestFinished(() => void socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Expected the address of a TCP server')
  return { port: address.port, got: () => got, server }
}

interface Client {
  readonly socket: Socket
  readonly chunks: string[]
  /** Resolves when these bytes have come in all. */
  readonly received: (text: string) => Promise<void>
  /** How its reading side ended: `end`, or the error's code. */
  readonly ending: Promise<string>
  readonly errors: readonly string[]
}

function openClient(port: number): Client {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const chunks: string[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk.toString()))
  const errors: string[] = []
  socket.on('error', (error: NodeJS.ErrnoException) => errors.push(error.code ?? error.message))
  onTestFinished(() => void socket.destroy())
  const ending = new Promise<string>((resolve) => {
    socket.once('end', () => resolve('end'))
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
  })
  const received = async (text: string): Promise<void> => {
    while (chunks.join('') !== text) await once(socket, 'data')
  }
  return { socket, chunks, received, ending, errors }
}

async function start(courses: Omit<FaultProxyOptions, 'serverPort'> = {}) {
  const echo = await startEcho()
  const proxy: FaultProxy = await startFaultProxy({ serverPort: echo.port, ...courses })
  return { echo, proxy, client: openClient(proxy.port) }
}

test('a proxy without faults carries bytes and the end of both sides', async () => {
  const { proxy, client } = await start()
  client.socket.write('hello')
  await client.received('HELLO')
  client.socket.end()
  expect(await client.ending).toBe('end')
  await (await proxy.connection(0)).closed
})

test('a reset strikes with the last byte that was to pass', async () => {
  const { client } = await start({ toClient: { after: 5, fault: 'reset' } })
  client.socket.write('hello, world')
  expect(await client.ending).toBe('ECONNRESET')
  expect(client.chunks.join('')).toBe('HELLO')
})

test('a reset of the requests keeps the rest of them from the server', async () => {
  const { echo, proxy, client } = await start({ toServer: { after: 3, fault: 'reset' } })
  client.socket.write('hello')
  expect(await client.ending).toBe('ECONNRESET')
  await (await proxy.connection(0)).closed
  expect('hel'.startsWith(echo.got())).toBe(true)
})

test('an end comes as FIN, also where bytes of the client are still unread', async () => {
  const { proxy, client } = await start({ toClient: { after: 5, fault: 'end' } })
  client.socket.write('hello')
  expect(await client.ending).toBe('end')
  client.socket.end('this goes nowhere')
  await Promise.all([(await proxy.connection(0)).closed, once(client.socket, 'close')])
  expect(client.errors).toEqual([])
  expect(client.chunks.join('')).toBe('HELLO')
})

test('a half close ends one direction, and the other one goes on', async () => {
  const { echo, proxy, client } = await start({ toClient: { after: 2, fault: 'halfClose' } })
  client.socket.write('abc')
  expect(await client.ending).toBe('end')
  client.socket.write('def')
  await (await proxy.connection(0)).passed('toServer', 6)
  client.socket.end()
  await (await proxy.connection(0)).closed
  expect(echo.got()).toBe('abcdef')
  expect(client.chunks.join('')).toBe('AB')
})

test('a stalled direction holds what comes until it has another course', async () => {
  const { proxy, client } = await start({ toClient: { after: 1, fault: 'stall' } })
  const connection = await proxy.connection(0)
  client.socket.write('abc')
  await connection.arrived('toClient', 3)
  await client.received('A')
  expect(connection.passedBytes('toClient')).toBe(1)
  connection.setCourse('toClient', {})
  await client.received('ABC')
})

test('a reset of the client reaches the server although its bytes are stalled', async () => {
  const { echo, proxy, client } = await start({ toServer: { fault: 'stall' } })
  const serverSide = once(echo.server, 'connection')
  const connection = await proxy.connection(0)
  client.socket.write('abc')
  await connection.arrived('toServer', 3)
  const [socket] = (await serverSide) as [Socket]
  const failed = once(socket, 'error')
  client.socket.resetAndDestroy()
  expect(await failed).toEqual([expect.objectContaining({ code: 'ECONNRESET' })])
  expect(echo.got()).toBe('')
})

test('a discarded reply was executed, and the client hears nothing of it', async () => {
  const { echo, proxy, client } = await start({ toClient: { fault: 'discard' } })
  const connection = await proxy.connection(0)
  client.socket.write('abc')
  await connection.arrived('toClient', 3)
  expect(echo.got()).toBe('abc')
  connection.reset()
  expect(await client.ending).toBe('ECONNRESET')
  expect(client.chunks).toEqual([])
})

test('pieces of one byte reach the client one by one', async () => {
  const { client } = await start({ toClient: { pieceBytes: 1 } })
  client.socket.write('abcd')
  await client.received('ABCD')
  expect(client.chunks).toEqual(['A', 'B', 'C', 'D'])
})

test('a delayed direction is late by its delay', async () => {
  const { client } = await start({ toClient: { delayMs: 40 } })
  const begun = performance.now()
  client.socket.write('abc')
  await client.received('ABC')
  // Timers count in whole milliseconds.
  expect(performance.now() - begun).toBeGreaterThanOrEqual(39)
})

test('what comes before the delay begins is not late', async () => {
  const { proxy, client } = await start({ toClient: { after: 3, delayMs: 600_000 } })
  client.socket.write('abcdef')
  await client.received('ABC')
  expect((await proxy.connection(0)).passedBytes('toClient')).toBe(3)
})

test('a connection can be waited for before it is made, and each has the courses of its time', async () => {
  const { proxy, client } = await start({ toClient: { fault: 'reset' } })
  const second = proxy.connection(1)
  expect(await client.ending).toBe('ECONNRESET')
  proxy.setCourses({})
  const next = openClient(proxy.port)
  next.socket.write('x')
  await next.received('X')
  await expect((await second).passed('toServer', 1)).resolves.toBeUndefined()
  expect(proxy.accepted).toBe(2)
})

test('a client is reset when the server refuses the connection', async () => {
  const echo = await startEcho()
  echo.server.close()
  await once(echo.server, 'close')
  const proxy = await startFaultProxy({ serverPort: echo.port })
  expect(await openClient(proxy.port).ending).toBe('ECONNRESET')
})

test('disposing of the proxy ends a stalled connection, its waiters and its delays', async () => {
  const { proxy, client } = await start({ toServer: { fault: 'stall' }, toClient: { delayMs: 600_000 } })
  const connection = await proxy.connection(0)
  const waiting = expect(connection.passed('toServer', 1)).rejects.toThrow('after 0 bytes, of 1')
  const never = expect(proxy.connection(5)).rejects.toThrow('before this client came')
  client.socket.write('abc')
  await connection.arrived('toServer', 3)
  await proxy[Symbol.asyncDispose]()
  await Promise.all([waiting, never])
  expect(await client.ending).toBe('ECONNRESET')
})
