import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, connect } from '@tarantella/connector'
import { describe, expect, onTestFinished, test } from 'vitest'
import { shownCommands, withOutputs } from '../helpers/console-blocks.ts'
import { INIT_FILE, type QueueServer, startQueue } from '../helpers/start-queue.ts'
import { findTarantool, startTarantool } from '../helpers/start-tarantool.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const PAGE = join(ROOT, 'docs', 'admin.md')
const CREDENTIALS = { TARANTELLA_USER: 'queue_admin', TARANTELLA_PASSWORD: 'pw-admin' }

interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script of tarantool/admin; nobody is there to be asked. */
function run(words: readonly string[], env: Readonly<Record<string, string>> = CREDENTIALS): Promise<Outcome> {
  const [script = '', ...rest] = words
  return new Promise((resolve, reject) => {
    const file = join(ROOT, 'tarantool', 'admin', `${script}.lua`)
    const child = execFile(
      findTarantool() ?? 'tarantool',
      [file, ...rest],
      { env: { ...process.env, ...env }, timeout: 20_000 },
      (error, stdout, stderr) => {
        if (error !== null && typeof error.code !== 'number') reject(error)
        else resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr })
      },
    )
    child.stdin?.end()
  })
}

/** util-linux's, which gives a program a terminal. */
const SCRIPT = '/usr/bin/script'

/** What a script prints on a terminal where somebody types an answer. */
async function runInTerminal(line: readonly string[], answer: string): Promise<string> {
  const [name = '', ...rest] = line
  const file = join(ROOT, 'tarantool', 'admin', `${name}.lua`)
  const command = [findTarantool() ?? 'tarantool', file, ...rest].map((word) => `'${word}'`).join(' ')
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { env: { ...process.env, ...CREDENTIALS } })
  onTestFinished(() => void child.kill('SIGKILL'))
  let printed = ''
  let isAnswered = false
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    if (isAnswered || !printed.includes('to go on]')) return
    isAnswered = true
    child.stdin.write(`${answer}\n`)
  })
  await once(child, 'close')
  return printed
}

async function open(server: QueueServer): Promise<Client> {
  const client = await connect(server.uriOf('admin'))
  onTestFinished(() => client.destroy())
  return client
}

/** The server that the page is about. */
async function seeded(): Promise<QueueServer> {
  const server = await startQueue('push:utubettl,archive:utubettl,dead:fifottl')
  const client = await open(server)
  await client.call('queue.create_tube', ['mail', 'fifottl', { dedup: true, max_attempts: 1, dead_letter: 'dead' }])
  await client.call('queue.put_many', [
    'push',
    [
      [{ text: 'Hello' }, { utube: 'ios', ttr: 600 }],
      [{ text: 'Привет, мир' }, { utube: 'android', delay: 3599 }],
      [{ text: 'こんにちは' }, { ttl: 7199, pri: 2 }],
      ['a payload may be any value', { pri: 5 }],
      [[1, 2, 3], { utube: 'ios' }],
    ],
  ])
  await client.call('queue.bury', ['push', 4])
  for (const user of [1, 2]) await client.call('queue.put', ['mail', { user }, { key: `user-${user}`, pri: -user }])
  await client.call('queue.schedule', ['digest', { tube: 'mail', data: {}, every: 86_400, anchor: 0 }])
  const consumer = await open(server)
  const [[dead]] = await consumer.call<[[[number, string, unknown, number]]]>('queue.take_many', ['mail', 1, 0])
  await consumer.call('queue.fail', ['mail', dead[0], { error: '550 no such user' }])
  await consumer.call('queue.take', ['push', 0])
  await consumer.call('queue.take', ['mail', 0])
  consumer.call('queue.take', ['mail', 600]).catch(() => undefined)
  for (;;) {
    const [waiters] = await client.call<[{ total: number }]>('queue.waiters', ['mail'])
    if (waiters.total === 1) return server
  }
}

/** Lua has no order of keys. */
function sortedJson(text: string): string {
  const sort = (_: string, value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value
  return JSON.stringify(JSON.parse(text), sort)
}

/** What differs from run to run, and from server to server, made the same. */
function settled(output: string): string {
  return output
    .replaceAll(/^(server|module) .*$/gm, '$1 X')
    .replaceAll(/^warning: .*\n/gm, '')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/g, 'MOMENT')
    .replaceAll(/(in|ends) (\d+[dhms] ?)+/g, 'in SPAN ')
    .replaceAll(/127\.0\.0\.1:\d+/g, 'PEER')
    .replaceAll(/\b(token|session) +\d+/g, '$1 N')
    .replaceAll(/^( *\d+ +)\d+( +\d+ +PEER)$/gm, '$1N$2')
    .replaceAll(/ +/g, ' ')
    .replaceAll(/ $/gm, '')
    .replaceAll(/^\{.*\}$/gm, sortedJson)
}

/** `a '{"b": 1}'` as its words. */
function words(command: string): string[] {
  return Array.from(command.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, plain]) => quoted ?? plain ?? '')
}

/** The words behind `tarantool tarantool/admin/`, for a server of this test. */
function scriptOf(command: string, port: number): string[] {
  const [binary, file = '', ...rest] = words(command)
  expect(binary).toBe('tarantool')
  const name = /^tarantool\/admin\/(\w+)\.lua$/.exec(file)?.[1] ?? ''
  return [name, ...rest.map((word) => (word === '3301' ? String(port) : word))]
}

// Each of some sixty runs starts a process, which takes its time on a busy machine.
describe('the admin scripts', { timeout: 180_000 }, () => {
  // UPDATE_PAGES=1 writes what they print into the page: look at the difference.
  test('print what their page shows', async () => {
    const server = await seeded()
    const shown = shownCommands(PAGE)
    expect(shown.length).toBeGreaterThan(25)
    const outputs: string[] = []
    for (const { command, output } of shown) {
      const { stdout, stderr } = await run(scriptOf(command, server.port))
      outputs.push((stdout + stderr).replaceAll(`127.0.0.1:${server.port}`, '127.0.0.1:3301'))
      if (process.env['UPDATE_PAGES'] === '1') continue
      expect(`${command}\n${settled(stdout + stderr)}`).toBe(`${command}\n${settled(output)}`)
    }
    if (process.env['UPDATE_PAGES'] === '1') await writeFile(PAGE, withOutputs(PAGE, outputs))
  })

  test('reach the queue through a text console, and send no code through it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tarantella-console-'))
    onTestFinished(() => rm(folder, { recursive: true, force: true }))
    const path = join(folder, 'console.sock')
    const init = join(folder, 'init.lua')
    await writeFile(
      init,
      `require('console').listen('unix/:${path}') arg[0] = '${INIT_FILE}' dofile(arg[0])
      queue.create_tube('push', 'fifottl', { if_not_exists = true }):put('first')`,
    )
    await startTarantool({ initFile: init, ready: /tarantella ready on/ })
    const nobody = { TARANTELLA_USER: '', TARANTELLA_PASSWORD: '' }
    const nasty = `"']] .. os.exit(3) .. [[\\n...\\n"`
    expect(await run(['update', path, 'push', '0', '--data', nasty], nobody)).toEqual({
      code: 0,
      stdout: 'task 0 is ready\n',
      stderr: '',
    })
    const listed = await run(['list', path, 'push', '--json'], nobody)
    expect(JSON.parse(listed.stdout)).toEqual({
      tasks: [{ id: 0, state: 'r', pri: 0, bytes: 29, preview: nasty }],
    })
    expect(await run(['list', path, "p'; os.exit(3) --"], nobody)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'list: Tube not found (TUBE_NOT_FOUND)\n',
    })
  })

  test('end with 2 for a wrong command line and 1 for a refusal, and print no password', async () => {
    const server = await startQueue('push:fifo')
    const here = String(server.port)
    const withUri = { ...CREDENTIALS, TARANTELLA_URI: `127.0.0.1:${here}` }
    const secret = { TARANTELLA_USER: '', TARANTELLA_PASSWORD: '' }
    const cases: [code: number, message: RegExp, words: string[], env?: Record<string, string>][] = [
      [2, /^list: URI is missing\nusage: tarantool list\.lua URI TUBE/, ['list']],
      [2, /TUBE is missing/, ['list', here]],
      [2, /unknown option --sate/, ['list', here, 'push', '--sate', 'ready']],
      [2, /--limit needs a value: N/, ['list', here, 'push', '--limit']],
      [2, /expected ID to be an integer, got 'x'/, ['show', here, 'push', 'x']],
      [2, /unexpected '7'/, ['show', here, 'push', '6', '7']],
      [2, /expected --data to be JSON/, ['update', here, 'push', '1', '--data', '{']],
      [
        2,
        /expected --at to be seconds since 1970 or a moment/,
        ['update', here, 'push', '1', '--at', '2026-11-23T09:00:00'],
      ],
      [1, /INVALID_ARGUMENT/, ['list', here, 'push', '--state', 'asleep']],
      [1, /cannot connect to 127\.0\.0\.1:1: /, ['stats', '127.0.0.1:1']],
      [1, /needs the role tarantella_admin/, ['list', `producer:pw-producer@127.0.0.1:${here}`, 'push'], secret],
      [1, /^stats: cannot use 127\.0\.0\.1:\d+: [^\n]*\n$/, ['stats', `queue_admin:hunter2@127.0.0.1:${here}`], secret],
      [1, /drop|nobody is there to be asked/, ['obliterate', here, 'push']],
      [1, /TUBE_NOT_FOUND/, ['drain', here, 'nothing', '--yes']],
      [0, /^$/, ['list', 'push'], withUri],
      [0, /^$/, ['stats', `tarantool://queue_admin:pw-admin@127.0.0.1:${here}`], secret],
    ]
    for (const [code, message, line, env] of cases) {
      const outcome = await run(line, env)
      expect({ line, ...outcome }).toMatchObject({ code, stderr: expect.stringMatching(message) as string })
      expect(outcome.stdout + outcome.stderr).not.toMatch(/hunter2|pw-/)
    }
    expect(await run(['stats', here, 'push', '--json'])).toMatchObject({ code: 0 })
  })

  test.skipIf(!existsSync(SCRIPT))(
    'ask before they destroy, and do nothing unless the answer is the one asked for',
    async () => {
      const server = await startQueue('push:fifo')
      const client = await open(server)
      await client.call('queue.put_many', ['push', [[1], [2]]])
      const answers: [line: string, answer: string, printed: RegExp, left: number | undefined][] = [
        [
          'drain',
          'no',
          /Delete 2 tasks \(2 ready, 0 delayed, 0 buried\) of push on .* \[yes to go on\][\s\S]*drain: not done/,
          2,
        ],
        [
          'obliterate',
          'yes',
          /Drop push on .* with 2 tasks, 0 of them taken\? \[push to go on\][\s\S]*obliterate: not done/,
          2,
        ],
        ['drain', 'yes', /deleted 2 tasks of push/, 0],
        ['obliterate', 'push', /dropped push with 0 tasks/, undefined],
      ]
      for (const [name, answer, printed, left] of answers) {
        expect(await runInTerminal([name, String(server.port), 'push'], answer)).toMatch(printed)
        const [all] = await client.call<[Record<string, { tasks: { total: number } }>]>('queue.statistics')
        expect(all['push']?.tasks.total).toBe(left)
      }
    },
  )

  test('watch a queue until they are ended', async () => {
    const server = await startQueue('push:fifo')
    const client = await open(server)
    const file = join(ROOT, 'tarantool', 'admin', 'stats.lua')
    const child = spawn(findTarantool() ?? 'tarantool', [file, String(server.port), '--watch', '0.1', '--json'], {
      env: { ...process.env, ...CREDENTIALS },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const seen: number[] = []
    for await (const line of createInterface({ input: child.stdout })) {
      // A test of the lines that the script prints.
      const all = JSON.parse(line) as { push: { tasks: { ready: number } } }
      if (seen.length === 0) await client.call('queue.put', ['push', 1])
      seen.push(all.push.tasks.ready)
      if (all.push.tasks.ready === 1) break
    }
    expect([seen[0], seen.at(-1)]).toEqual([0, 1])
  })
})
