import type { TopLevelSpec } from 'vega-lite'
import type { Figure, Report, Result } from '../harness/report.ts'
import { IDLE } from '../queue/idle.ts'
import { bars, dots, lines, type Point } from './charts.ts'
import type { BenchName, RunData } from './run-data.ts'

export interface Plot {
  /** Of the SVG, without its ending. */
  readonly name: string
  readonly bench: BenchName
  readonly title: string
  /** How to read it. */
  readonly about: string
  readonly spec: TopLevelSpec
}

/** How many tasks of a busy lane stand in front of what a take gets. */
const BACKLOGS: Readonly<Record<string, number>> = { take_lane_1000: 1000, take_lane_10000: 10_000, take_lane: 100_000 }
const IN_FRONT: Readonly<Record<string, string>> = {
  take_empty: 'nothing',
  take_lane: '100 000 of a busy lane',
  take_lanes: '10 000 busy lanes',
  take_expired: '100 000 that are over',
  take_limited: '100 000 behind a rate limit',
}
const US = 1e6
const BESIDE_PEERS = ['cycle', 'batch', 'put_real', 'socket', 'socket_batch']

const rate = ({ subject, case: group, perSecond: value }: Result): Point => ({ subject, group, value })
const cpu = ({ subject, case: group, cpuUsPerOp: value }: Result): Point => ({ subject, group, value })
const quantity = ({ subject, case: group, value }: Figure): Point => ({ subject, group, value })

/** The plots of all that was measured; what is missing has none. */
export function plotsOf({ reports }: RunData): Plot[] {
  return draftsOf(reports).flatMap(({ points, draw, ...plot }) =>
    points.length === 0 ? [] : [{ ...plot, spec: draw(points) }],
  )
}

/** Of every plot that there may be. */
export function plotNames(): string[] {
  return draftsOf({}).map(({ name }) => name)
}

const NOTHING: Report = { machine: { cpu: '', cores: 0, memoryGiB: 0 }, versions: {}, results: [] }

function draftsOf(reports: RunData['reports']): Draft[] {
  return [
    ...connectorPlots(reports.connector ?? NOTHING),
    ...codecPlots(reports.codec ?? NOTHING),
    ...queuePlots(reports.queue ?? NOTHING),
    ...serverPlots(reports.server ?? NOTHING),
    ...sizePlots(reports.sizes ?? NOTHING),
  ]
}

interface Draft extends Omit<Plot, 'spec'> {
  readonly points: readonly Point[]
  readonly draw: (points: readonly Point[]) => TopLevelSpec
}

function connectorPlots({ results }: Report): Draft[] {
  const most = Math.max(...results.map(({ inFlight }) => inFlight))
  const atMost = results.filter(({ inFlight }) => inFlight === most)
  const throughput = 'Throughput against requests in flight'
  const speed = `Requests a second, ${most} in flight`
  const cost = `Client CPU per request, ${most} in flight`
  return [
    {
      name: 'connector-in-flight',
      bench: 'connector',
      title: throughput,
      about:
        'Higher is better; each kind has a scale of its own. `replay` sends requests encoded ahead and decodes nothing: ' +
        'what server and wire can do.',
      points: results.map((result) => ({ ...rate(result), x: result.inFlight })),
      draw: (points) =>
        lines(points, { title: throughput, xTitle: 'requests in flight', valueTitle: 'requests a second' }),
    },
    {
      name: 'connector-rates',
      bench: 'connector',
      title: speed,
      about: 'Higher is better.',
      points: atMost.map(rate),
      draw: (points) => bars(points, { title: speed, valueTitle: 'requests a second' }),
    },
    {
      name: 'connector-cpu',
      bench: 'connector',
      title: cost,
      about: "Lower is better: CPU time of the client's process, promises and decoding included.",
      points: atMost.map(cpu),
      draw: (points) => bars(points, { title: cost, valueTitle: 'microseconds', format: '.2f' }),
    },
  ]
}

function codecPlots({ results }: Report): Draft[] {
  return ['encode', 'decode'].map((way) => {
    const title = `CPU to ${way} a message`
    return {
      name: `codec-${way}`,
      bench: 'codec' as const,
      title,
      about: 'Lower is better.',
      points: results
        .filter((result) => result.case.startsWith(`${way} `))
        .map((result) => ({ ...cpu(result), group: result.case.slice(way.length + 1) })),
      draw: (points) => bars(points, { title, valueTitle: 'microseconds', format: '.2f' }),
    }
  })
}

function queuePlots({ results, figures = [] }: Report): Draft[] {
  const cycles = 'Whole cycles a second: put, take, handler, ack'
  const idle = 'From put to handler on an idle queue'
  return [
    {
      name: 'queue-cycles',
      bench: 'queue',
      title: cycles,
      about: 'Higher is better. What a confirmed put outlives differs: see the table above.',
      points: results.filter((result) => result.case === 'cycle').map(rate),
      draw: (points) => bars(points, { title: cycles, valueTitle: 'cycles a second' }),
    },
    {
      name: 'queue-idle',
      bench: 'queue',
      title: idle,
      about:
        'Lower is better, one task at a time. Each step along the axis is ten times the one before. A subject too slow to ' +
        'wait for often has its median alone.',
      points: figures.filter((figure) => figure.case.startsWith(IDLE)).map(percentile),
      draw: (points) =>
        dots(points, {
          title: idle,
          valueTitle: 'milliseconds',
          isLogarithmic: true,
          format: '.2~f',
          axisFormat: '~g',
        }),
    },
  ]
}

function isOfAbility({ subject, case: name }: Result): boolean {
  return subject === 'tarantella' && (/^cycle(_|$)/.test(name) || name === 'publish' || name === 'schedules')
}

/** A line of dots for each subject, one for each percentile. */
function percentile({ subject, case: name, value }: Figure): Point {
  const percent = /, (\d+) %$/.exec(name)?.[1]
  return { subject: percent === undefined ? 'median' : `${percent} % within`, group: subject, value }
}

function serverPlots({ results, figures = [] }: Report): Draft[] {
  const backlog = 'What a take costs against the backlog in front of it'
  const takes = 'What a take costs behind what is not its to have'
  const cycles = 'Operations a second inside of the server'
  const abilities = 'Operations a second of tubes with an ability'
  const memory = 'Memory beyond rows and indexes, with 1 000 000 tasks'
  const ofAbilities = results.filter(isOfAbility)
  const take = (result: Result): Point => ({ ...rate(result), value: US / result.perSecond })
  return [
    {
      name: 'server-backlog',
      bench: 'server',
      title: backlog,
      about:
        'Lower is better. The tasks in front belong to a lane (`utube`) that is busy. Both axes go by powers of ten.',
      points: results.flatMap((result) => {
        const x = BACKLOGS[result.case]
        return x === undefined ? [] : [{ ...take(result), group: '', x }]
      }),
      draw: (points) =>
        lines(points, {
          title: backlog,
          xTitle: 'tasks in front',
          valueTitle: 'microseconds a take',
          isLogarithmic: true,
        }),
    },
    {
      name: 'server-takes',
      bench: 'server',
      title: takes,
      about: 'Lower is better. Each step along the axis is ten times the one before.',
      points: results.flatMap((result) => {
        const group = IN_FRONT[result.case]
        return group === undefined ? [] : [{ ...take(result), group }]
      }),
      draw: (points) => dots(points, { title: takes, valueTitle: 'microseconds a take', isLogarithmic: true }),
    },
    {
      name: 'server-rates',
      bench: 'server',
      title: cycles,
      about:
        "Higher is better. The cases are those of the [benchmark's page](../README.md#server); `limit` is bare rows.",
      points: results.filter((result) => BESIDE_PEERS.includes(result.case)).map(rate),
      draw: (points) => bars(points, { title: cycles, valueTitle: 'tasks a second' }),
    },
    {
      name: 'server-abilities',
      bench: 'server',
      title: abilities,
      about: 'Higher is better; `cycle` is a tube without any of them.',
      // `cycle` alone has nothing to be compared with.
      points: ofAbilities.length < 2 ? [] : ofAbilities.map(rate),
      draw: (points) => bars(points, { title: abilities, valueTitle: 'tasks a second' }),
    },
    {
      name: 'server-memory',
      bench: 'server',
      title: memory,
      about: 'Lower is better: what the process grows by at a start with stored tasks.',
      points: figures.filter(({ unit }) => unit === 'bytes per task').map(quantity),
      draw: (points) => bars(points, { title: memory, valueTitle: 'bytes a task', format: '.1f' }),
    },
  ]
}

function sizePlots({ figures = [] }: Report): Draft[] {
  const title = 'Bytes of memory and of log for a task'
  return [
    {
      name: 'sizes',
      bench: 'sizes',
      title,
      about:
        'Memory of a task that waits, with its row and its indexes; log of its put and of its ack, alone and in 100.',
      points: figures.map(size),
      draw: (points) => bars(points, { title, valueTitle: 'bytes a task', format: '.0f', axisFormat: ',.0f' }),
    },
  ]
}

/** Payloads are the groups, and what is measured of each stands side by side. */
function size({ case: name, value }: Figure): Point {
  const [, subject = name, group = ''] = /^(.*), (payload of .*)$/.exec(name) ?? []
  return { subject, group, value }
}
