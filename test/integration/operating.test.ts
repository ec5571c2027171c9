import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect as connectSocket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from '@tarantella/queue'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Guide, writeTemporary } from '../helpers/guide.ts'
import { INIT_FILE } from '../helpers/start-queue.ts'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const PAGE = new Guide('operating.md')
const CONTROL = './tarantella.control'
const BACKUP = '/var/backups/tarantella/'

const PASSWORDS = { API_PASSWORD: 'one', SENDER_PASSWORD: 'two', TARANTELLA_ADMIN_PASSWORD: 'three' }

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-operating-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The server of the page's configuration; the test says where its files are. */
async function startAsShown(folder: string, dataDir: string): Promise<TarantoolServer> {
  const code = PAGE.block('lua', '-- tarantella.lua').replace(CONTROL, join(folder, 'control'))
  return await startTarantool({
    initFile: INIT_FILE,
    ready: /tarantella ready on/,
    dataDir,
    env: { TARANTELLA_CONFIG: await writeTemporary('tarantella.lua', code), TARANTELLA_MEMORY: '64MB', ...PASSWORDS },
  })
}

async function open(server: TarantoolServer, user: string, password: string): Promise<Queue> {
  const queue = await Queue.connect(`tarantool://${user}:${password}@127.0.0.1:${server.port}`)
  onTestFinished(() => queue.close({ graceMs: 0 }))
  return queue
}

/** What the text console answers to a chunk that stands in the page. */
async function inConsole(path: string, chunk: string): Promise<string> {
  const socket = connectSocket(path)
  const ends = /\n\.\.\.\n/
  let answer = ''
  await once(socket, 'data')
  // A chunk ends with its line.
  socket.write(`${chunk.trim().replaceAll('\n', ' ')}\n`)
  for await (const data of socket) {
    answer += String(data)
    if (ends.test(answer)) break
  }
  return answer
}

describe('operating', () => {
  test('the configuration starts, and each service may do what is its own', async () => {
    expect(PAGE.block('sh', 'init.lua')).toBe(
      'TARANTELLA_CONFIG=tarantella.lua API_PASSWORD=one SENDER_PASSWORD=two TARANTELLA_ADMIN_PASSWORD=three tarantool tarantool/init.lua\n',
    )
    const server = await startAsShown(await temporaryFolder(), await temporaryFolder())
    const api = await open(server, 'api', 'one')
    const sender = await open(server, 'sender', 'two')
    await api.tube('mail').put('letter', { utube: 'anna' })
    await expect(api.tube('mail').take(0)).rejects.toThrow(/denied/i)
    await expect(sender.tube('mail').put('letter')).rejects.toThrow(/denied/i)
    await (await sender.tube('mail').take(0))?.ack()
    expect((await sender.statistics('mail')).tasks.done).toBe(1)
  })

  test('what the console copies can be started with, after a reload of the module too', async () => {
    const folder = await temporaryFolder()
    const server = await startAsShown(folder, await temporaryFolder())
    const api = await open(server, 'api', 'one')
    const sender = await open(server, 'sender', 'two')
    await api.tube('push').put('kept')
    const control = join(folder, 'control')
    const task = await sender.tube('push').take(0)
    expect(await inConsole(control, PAGE.block('lua', 'package.loaded'))).not.toContain('error')
    const copy = join(folder, 'copy/')
    await mkdir(copy)
    expect(await inConsole(control, PAGE.block('lua', 'box.backup').replace(BACKUP, copy))).not.toContain('error')
    // The lease has outlived the reload; what comes after the copy is not in it.
    await task?.ack()
    await api.close()
    await sender.close()
    await server.stop()

    const restored = await startAsShown(folder, copy)
    const again = await open(restored, 'sender', 'two')
    expect((await again.tube('push').take(0))?.data).toBe('kept')
    expect(await inConsole(control, PAGE.block('lua', 'checkpoint_interval = 0'))).not.toContain('error')
  })

  test('a full memory refuses puts, while takes and acks go on and make room', async () => {
    const server = await startAsShown(await temporaryFolder(), await temporaryFolder())
    const api = (await open(server, 'api', 'one')).tube<string>('push')
    const sender = (await open(server, 'sender', 'two')).tube<string>('push')
    const items = Array.from({ length: 100 }, () => ({ data: 'x'.repeat(10_000) }))
    await expect(putUntilRefused(() => api.putMany(items))).resolves.toMatchObject({
      cause: { code: 'MEMORY_FULL', retryable: true },
    })
    await sender.ackMany(await sender.takeMany(1000, 0))
    await api.put('there is room again')
  })
})

/** The error that ends it; 64 MB are full after a hundred calls at most. */
async function putUntilRefused(put: () => Promise<unknown>): Promise<unknown> {
  for (let calls = 0; calls < 100; calls += 1) {
    try {
      await put()
    } catch (error) {
      return error
    }
  }
  throw new Error('The memory did not fill up')
}
