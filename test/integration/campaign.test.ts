import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isRefused } from '../../examples/campaign/gateway.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
/** Every ESC sequence and every other control character but the line end. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL_CODES = /[\u0000-\u0009\u000b-\u001f\u007f]/

interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface RunningCampaign {
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves with the first line of standard output that matches. */
  readonly line: (pattern: RegExp) => Promise<string>
}

function start(args: readonly string[], environment: NodeJS.ProcessEnv = {}): RunningCampaign {
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/campaign/main.ts', ...args], {
    cwd: REPOSITORY,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    // The campaign stops its own server on its way out, which SIGKILL would not let it do.
    if (child.exitCode === null) child.kill('SIGTERM')
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  const lines = createInterface({ input: child.stdout })
  return {
    child,
    finished: once(child, 'close').then(([code]: (number | null)[]) => ({ code: code ?? null, stdout, stderr })),
    line: (pattern) =>
      new Promise((resolve, reject) => {
        lines.on('line', (line) => {
          if (pattern.test(line)) resolve(line)
        })
        lines.once('close', () => reject(new Error(`no line like ${pattern.source}:\n${stdout}\n${stderr}`)))
      }),
  }
}

function run(...args: string[]): Promise<Finished> {
  return start(args).finished
}

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

/** The header and the first `count` shipped recipients; `insert` comes before the row of line `at`. */
async function recipientsFile(
  count: number,
  insert: { at: number; rows: string[] } = { at: 1, rows: [] },
): Promise<string> {
  const text = await readFile(join(REPOSITORY, 'examples/campaign/data/recipients.csv'), 'utf8')
  const lines = text.split('\n').slice(0, count + 1)
  lines.splice(insert.at - 1, 0, ...insert.rows)
  const file = join(await temporaryFolder(), 'recipients.csv')
  await writeFile(file, `${lines.join('\n')}\n`)
  return file
}

/** How many requests the gateway refuses until it has accepted each of the first `count` recipients once. */
function refusalsOf(count: number): number {
  let refusals = 0
  for (let i = 1; i <= count; i++) {
    for (let attempt = 1; isRefused(`u${String(i).padStart(5, '0')}`, attempt); attempt++) refusals++
  }
  return refusals
}

/** The process id of the queue server that a campaign has started, by ps, which Linux and macOS have. */
async function serverOf(campaign: RunningCampaign): Promise<number> {
  const ps = spawn('ps', ['-A', '-o', 'ppid=,pid=,args='], { stdio: ['ignore', 'pipe', 'inherit'] })
  let pid = 0
  for await (const line of createInterface({ input: ps.stdout })) {
    const [, parent, child] = /^\s*(\d+)\s+(\d+)\s.*init\.lua/.exec(line) ?? []
    if (Number(parent) === campaign.child.pid) pid = Number(child)
  }
  expect(pid, 'the process id of the server').toBeGreaterThan(0)
  return pid
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** The data folders of runs that have not removed theirs. */
async function leftFolders(): Promise<string[]> {
  const all = await readdir(join(REPOSITORY, '.tarantella')).catch(() => [])
  return all.filter((name) => name.startsWith('campaign-'))
}

describe('a campaign', () => {
  test('delivers every push once, none early, and says so as one line of JSON', async () => {
    const { code, stdout, stderr } = await run(
      '--json',
      '--day-seconds',
      '3',
      '--recipients',
      await recipientsFile(400),
    )
    expect({ code, lines: stdout.split('\n').length }, stderr).toEqual({ code: 0, lines: 2 })
    const report: unknown = JSON.parse(stdout)
    expect(report).toEqual({
      recipients: 400,
      delivered: 400,
      lost: 0,
      early: 0,
      duplicates: 0,
      retries: expect.any(Number),
      latenessMs: { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) },
      seconds: expect.any(Number),
      skippedRows: 0,
      serverKills: 0,
    })
    expect(report).toMatchObject({ retries: refusalsOf(400) })
    expect(stderr).toMatch(/android: delayed \d+, ready \d+, taken \d+, done \d+ of \d+, \d+\/s/)
  })

  test('loses nothing when its server is killed in mid-run', async () => {
    const file = await recipientsFile(400)
    const { code, stdout, stderr } = await run('--json', '--kill-server', '--day-seconds', '3', '--recipients', file)
    expect(code, stderr).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ recipients: 400, delivered: 400, lost: 0, early: 0, serverKills: 1 })
    expect(stderr).toMatch(/the queue server is killed \(SIGKILL\)[\s\S]*the queue server is back after/)
  })

  test('reports bad rows with their line numbers, skips them and delivers the others', async () => {
    const file = await recipientsFile(60, {
      at: 3,
      rows: ['u1,ios', 'u2,palm,Asia/Tokyo,t', 'u3,ios,Moon/Base,t', 'u4,"ios,Asia/Tokyo,t'],
    })
    const { code, stdout } = await run('--day-seconds', '1', '--recipients', file)
    expect(code, stdout).toBe(0)
    for (const line of [3, 4, 5, 6]) expect(stdout).toMatch(new RegExp(`recipients\\.csv:${line}: .+; row skipped\\n`))
    expect(stdout).toContain('60 of 60 delivered')
    expect(stdout).toMatch(/skipped +4 rows/)
  })

  test('writes plain lines without control codes into a pipe', async () => {
    const { code, stdout, stderr } = await run('--day-seconds', '2', '--recipients', await recipientsFile(100))
    expect(code, stdout + stderr).toBe(0)
    expect(stdout).toMatch(/UTC {2}ios: delayed \d+, ready \d+, taken \d+, done \d+ of \d+, \d+\/s/)
    expect(stdout).toMatch(/lateness +p50 \d+ ms, p99 \d+ ms, max \d+ ms/)
    expect(stdout).not.toMatch(CONTROL_CODES)
    expect(stderr).toBe('')
  })

  test('keeps its data in the folder it is given, and wants that empty', async () => {
    const folder = join(await temporaryFolder(), 'data')
    const args = ['--day-seconds', '1', '--data-dir', folder, '--recipients', await recipientsFile(20)]
    expect(await run(...args)).toMatchObject({ code: 0 })
    expect(await readdir(folder)).toEqual(['data', 'server.log'])
    const second = await run(...args)
    expect(second.code).toBe(2)
    expect(second.stderr).toMatch(/--data-dir .* is not empty/)
  })
})

describe('a campaign that is stopped', () => {
  test('by Ctrl-C ends with exit code 130 and leaves neither server nor folder behind', async () => {
    const before = await leftFolders()
    const campaign = start(['--day-seconds', '600', '--recipients', await recipientsFile(100)])
    await campaign.line(/pushes put ahead/)
    const server = await serverOf(campaign)
    expect(isAlive(server)).toBe(true)
    campaign.child.kill('SIGINT')
    // npm passes on what the terminal has sent to all of them.
    campaign.child.kill('SIGINT')
    const { code, stderr } = await campaign.finished
    expect(code, stderr).toBe(130)
    expect(stderr).toBe('campaign: stopped by SIGINT\n')
    expect(isAlive(server)).toBe(false)
    expect(before).toEqual(expect.arrayContaining(await leftFolders()))
  })

  test('by the death of its server ends with exit code 1 and says where the data is', async () => {
    const campaign = start(['--day-seconds', '600', '--recipients', await recipientsFile(100)])
    await campaign.line(/pushes put ahead/)
    const server = await serverOf(campaign)
    process.kill(server, 'SIGKILL')
    const { code, stdout, stderr } = await campaign.finished
    expect(code, stderr).toBe(1)
    expect(stderr).toBe('campaign: the server has ended by itself with SIGKILL\n')
    const folder = /data and log are in (.+)\n/.exec(stdout)?.[1] ?? ''
    expect(await readdir(folder)).toEqual(['data', 'server.log'])
    await rm(folder, { recursive: true })
  })
})

test('a program that is no Tarantool ends with exit code 1 and the end of its log', async () => {
  const program = join(await temporaryFolder(), 'tarantool')
  await writeFile(program, '#!/bin/sh\necho "disk is full" >&2\nexit 3\n', { mode: 0o755 })
  const before = await leftFolders()
  const { code, stderr } = await start(['--recipients', await recipientsFile(10)], { TARANTOOL_BIN: program }).finished
  expect(code).toBe(1)
  expect(stderr).toBe('campaign: the server did not start: it ended with code 3; its log ends with:\ndisk is full\n')
  expect(before).toEqual(expect.arrayContaining(await leftFolders()))
})

describe('what cannot be used', () => {
  test.each([
    [['--day-seconds', 'soon'], '--day-seconds must be a number above 0'],
    [['--speed', '3'], "Unknown option '--speed'"],
    [['--recipients', '/nowhere/recipients.csv'], 'cannot read /nowhere/recipients.csv: ENOENT'],
  ])('%j ends with exit code 2 and a sentence', async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^campaign: [^\n]+\n$/)
    expect(stderr).toContain(sentence)
  })

  test('a recipients file without a usable row ends with exit code 2', async () => {
    const file = await recipientsFile(0)
    const { code, stderr } = await run('--recipients', file)
    expect(code).toBe(2)
    expect(stderr).toContain('has no usable row')
  })
})
