import { parse, View } from 'vega'
import { compile, type TopLevelSpec } from 'vega-lite'

/** A value of a subject: in a group, at a place on the horizontal axis, or both. */
export interface Point {
  readonly subject: string
  readonly group: string
  readonly x?: number
  readonly value: number
}

export interface ChartOptions {
  readonly title: string
  /** What the values are, with their unit. */
  readonly valueTitle: string
  /** What `x` is; only for lines. */
  readonly xTitle?: string
  /** Powers of ten at equal distances, for what spans several of them. */
  readonly isLogarithmic?: boolean
  /** How values are written, in the terms of d3-format; three digits and k or M by default. */
  readonly format?: string
  /** The same for the axis of values. */
  readonly axisFormat?: string
}

/** Ours stand out; each of the others keeps its colour through all plots. */
const COLORS: Readonly<Record<string, string>> = {
  tarantella: '#0b6e99',
  'tarantella-batch': '#56a3c4',
  'tarantool-driver': '#d1495b',
  'tarantool-driver+queue': '#d1495b',
  'tarantool-queue': '#d1495b',
  replay: '#9aa0a6',
  limit: '#9aa0a6',
  bullmq: '#edae49',
  'bullmq-bulk': '#c98a1b',
  'bullmq-memory': '#f6d391',
  'pg-boss': '#66a182',
  median: '#0b6e99',
  '90 % within': '#edae49',
  '99 % within': '#d1495b',
  memory: '#0b6e99',
  'log, put': '#d1495b',
  'log, ack': '#edae49',
  'log, put in 100': '#e39aa4',
  'log, ack in 100': '#f6d391',
  'msgpack-lite': '#d1495b',
  msgpackr: '#edae49',
  '@msgpack/msgpack': '#66a182',
}
const OTHER = '#7b6d8d'

const BAR_PX = 16
const FORMAT = '.3~s'
const AXIS_FORMAT = '~s'
const POWERS_OF_TEN = [-3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7].map((power) => 10 ** power)

/** Who and what, in the order in which they were measured. */
function orderOf(points: readonly Point[], key: 'subject' | 'group'): string[] {
  return [...new Set(points.map((point) => point[key]))]
}

function colorOf(points: readonly Point[]) {
  const domain = orderOf(points, 'subject')
  return {
    field: 'subject',
    type: 'nominal' as const,
    title: null,
    scale: { domain, range: domain.map((subject) => COLORS[subject] ?? OTHER) },
  }
}

function frame({ title }: ChartOptions) {
  return {
    background: 'white',
    padding: 12,
    title: { text: title, anchor: 'start' as const, fontSize: 14, offset: 12 },
    config: {
      font: 'DejaVu Sans, Verdana, sans-serif',
      axis: { labelLimit: 320, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 'normal' as const },
      legend: { orient: 'top' as const, direction: 'horizontal' as const, labelFontSize: 11, labelLimit: 240 },
      header: { labelFontSize: 12, title: null },
      view: { stroke: '#ddd' },
    },
  }
}

function scaleOf({ isLogarithmic }: ChartOptions) {
  return isLogarithmic === true ? { type: 'log' as const, nice: true } : { zero: true }
}

/** Lines between the powers of ten would hide the dots. */
function ticksOf({ isLogarithmic }: ChartOptions) {
  return isLogarithmic === true ? { values: POWERS_OF_TEN } : { tickCount: 6 }
}

/** Bars with their values behind them: one for each subject, in groups where there is more than one. */
export function bars(points: readonly Point[], options: ChartOptions): TopLevelSpec {
  const subjects = orderOf(points, 'subject')
  const groups = orderOf(points, 'group')
  const isGrouped = groups.length > 1
  const isColored = isGrouped && subjects.length > 1
  const color = colorOf(points)
  const y = isGrouped ? { field: 'group', sort: groups } : { field: 'subject', sort: subjects }
  return {
    ...frame(options),
    data: { values: [...points] },
    width: 520,
    height: { step: isColored ? BAR_PX : BAR_PX + 8 },
    encoding: {
      y: { ...y, type: 'nominal', title: null, axis: { domain: false, ticks: false } },
      ...(isColored && { yOffset: { field: 'subject', sort: subjects } }),
      x: {
        field: 'value',
        type: 'quantitative',
        title: options.valueTitle,
        scale: { zero: true },
        axis: { format: options.axisFormat ?? AXIS_FORMAT, tickCount: 6 },
      },
    },
    layer: [
      { mark: 'bar', encoding: { color: { ...color, ...(!isColored && { legend: null }) } } },
      {
        mark: { type: 'text', align: 'left', dx: 4, fontSize: 10 },
        encoding: { text: { field: 'value', format: options.format ?? FORMAT } },
      },
    ],
  }
}

/** A line of points for each group: for what spans so much that bars would hide the small ones. */
export function dots(points: readonly Point[], options: ChartOptions): TopLevelSpec {
  return {
    ...frame(options),
    data: { values: [...points] },
    width: 520,
    height: { step: 2 * BAR_PX + 4 },
    encoding: {
      y: {
        field: 'group',
        sort: orderOf(points, 'group'),
        type: 'nominal',
        title: null,
        axis: { grid: true, domain: false, ticks: false },
      },
      x: {
        field: 'value',
        type: 'quantitative',
        title: options.valueTitle,
        scale: scaleOf(options),
        axis: { format: options.axisFormat ?? AXIS_FORMAT, ...ticksOf(options) },
      },
    },
    layer: [
      { mark: { type: 'point', filled: true, size: 90, opacity: 1 }, encoding: { color: colorOf(points) } },
      {
        mark: { type: 'text', dy: -11, fontSize: 10, color: '#333' },
        encoding: { text: { field: 'value', format: options.format ?? FORMAT } },
      },
    ],
  }
}

/** A line for each subject over `x`, with powers of ten at equal distances; groups stand side by side. */
export function lines(points: readonly Point[], options: ChartOptions): TopLevelSpec {
  const groups = orderOf(points, 'group')
  const isGrouped = groups.length > 1
  const ticks = [...new Set(points.map(({ x }) => x ?? 0))].sort((a, b) => a - b)
  return {
    ...frame(options),
    data: { values: [...points] },
    width: isGrouped ? 220 : 520,
    height: isGrouped ? 160 : 260,
    mark: { type: 'line', point: { size: 50 }, strokeWidth: 2 },
    ...(isGrouped && { resolve: { scale: { y: 'independent' as const } } }),
    encoding: {
      x: {
        field: 'x',
        type: 'quantitative',
        title: options.xTitle ?? null,
        scale: { type: 'log', nice: false },
        axis: { values: ticks, format: '~s', grid: false },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: options.valueTitle,
        scale: scaleOf(options),
        axis: { format: options.axisFormat ?? AXIS_FORMAT, tickCount: 5 },
      },
      color: colorOf(points),
      ...(isGrouped && { facet: { field: 'group', type: 'nominal', sort: groups, columns: 3, title: null } }),
    },
  }
}

/** Draws without a screen: widths of texts are estimated. */
export async function toSvg(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec).spec), { renderer: 'none' })
  try {
    return `${await view.toSVG()}\n`
  } finally {
    view.finalize()
  }
}
