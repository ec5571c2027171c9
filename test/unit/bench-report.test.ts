import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Report } from '../../bench/harness/report.ts'
import type { RunInfo } from '../../bench/render/run-data.ts'
import { writeReportOf } from '../../bench/render/write-report.ts'

const machine = { cpu: 'Abacus 3000', cores: 2, memoryGiB: 4 }
const versions = { node: 'v20.19.0', tarantool: '2.6.0' }

const CONNECTOR: Report = {
  machine,
  versions,
  results: [1, 40].flatMap((inFlight) =>
    ['tarantella', 'tarantool-driver'].map((subject, i) => ({
      subject,
      case: 'select',
      inFlight,
      perSecond: (10_310 * inFlight) / (i + 1),
      cpuUsPerOp: 2 + i,
    })),
  ),
}
const idle = (name: string, value: number) => ({ subject: 'tarantella', case: name, value, unit: 'ms' })
const QUEUE: Report = {
  machine,
  versions,
  results: [{ subject: 'tarantella', case: 'cycle', inFlight: 256, perSecond: 12_345, cpuUsPerOp: 20 }],
  figures: [idle('put to handler on an idle queue', 0.8), idle('put to handler on an idle queue, 99 %', 4)],
  durability: { tarantella: 'kill -9' },
  leftOut: ['bullmq is left out: there is no redis-server'],
}
const take = (name: string, perSecond: number) => ({
  subject: 'tarantella',
  case: name,
  inFlight: 1,
  perSecond,
  cpuUsPerOp: 1,
})
const SERVER: Report = {
  machine,
  versions,
  results: [take('take_empty', 50_000), take('take_lane_1000', 40_000), take('take_lane', 20_000)],
  figures: [{ subject: 'tarantella', case: 'memory beyond rows and indexes', value: 30, unit: 'bytes per task' }],
}

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tarantella-bench-report-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

async function store(reports: Readonly<Record<string, Report>>, failed: readonly string[] = []): Promise<void> {
  const names = [...Object.keys(reports), ...failed]
  const benches = names.map((name) => ({
    name,
    command: `npm run bench -- ${name}`,
    seconds: 7,
    exitCode: failed.includes(name) ? 1 : 0,
  }))
  const info = { startedAt: '2026-01-02T03:04:05.000Z', isQuick: false, loadBefore: 0.25, benches }
  await writeFile(join(folder, 'run.json'), JSON.stringify(info satisfies Record<keyof RunInfo, unknown>))
  for (const [name, report] of Object.entries(reports)) {
    await writeFile(join(folder, `${name}.json`), JSON.stringify(report))
    await writeFile(join(folder, `${name}.txt`), `table of ${name}\n`)
  }
}

describe('the report of the benchmarks', () => {
  test('shows every plot that it writes, and names machine, versions, durability and commands', async () => {
    await store({ connector: CONNECTOR, queue: QUEUE, server: SERVER })
    await writeReportOf(folder, join(folder, 'report'))

    const page = await readFile(join(folder, 'report', 'README.md'), 'utf8')
    const shown = [...page.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, file]) => file)
    const written = (await readdir(join(folder, 'report'))).filter((file) => file.endsWith('.svg'))
    expect(shown.toSorted()).toEqual(written.toSorted())
    expect(shown).toEqual([
      ...['connector-in-flight.svg', 'connector-rates.svg', 'connector-cpu.svg', 'queue-cycles.svg', 'queue-idle.svg'],
      ...['server-backlog.svg', 'server-takes.svg', 'server-memory.svg'],
    ])
    for (const text of [
      'Abacus 3000, 2 cores, 4 GiB',
      '| tarantool | 2.6.0 |',
      '2026-01-02 03:04 UTC',
      '| `tarantella` | kill -9 |',
      'table of connector',
      'npm run bench -- queue      # 7 s',
    ]) {
      expect(page).toContain(text)
    }
    expect(page).not.toContain('quick')
  })

  test('draws subjects and values as text of an SVG', async () => {
    await store({ connector: CONNECTOR, queue: QUEUE, server: SERVER })
    await writeReportOf(folder, folder)

    const rates = await readFile(join(folder, 'connector-rates.svg'), 'utf8')
    expect(rates).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    for (const text of ['>tarantella<', '>tarantool-driver<', '>412k<', '>206k<']) expect(rates).toContain(text)
    const backlog = await readFile(join(folder, 'server-backlog.svg'), 'utf8')
    for (const text of ['>1k<', '>100k<', '>tasks in front<']) expect(backlog).toContain(text)
    expect(await readFile(join(folder, 'queue-idle.svg'), 'utf8')).toContain('>99 % within<')
  })

  test('names who is missing and which benchmark failed, and draws the rest', async () => {
    await store({ queue: QUEUE }, ['connector'])
    await writeFile(join(folder, 'connector-rates.svg'), 'of an older run')
    await writeReportOf(folder, folder)

    const page = await readFile(join(folder, 'README.md'), 'utf8')
    expect(page).toContain('- bullmq is left out: there is no redis-server')
    expect(page).toContain('- connector did not come to its end (exit code 1)')
    expect((await readdir(folder)).filter((file) => file.endsWith('.svg'))).toEqual([
      'queue-cycles.svg',
      'queue-idle.svg',
    ])
  })
})
