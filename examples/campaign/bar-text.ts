import type { TubeProgress } from './progress.ts'

/** How a task's state is drawn, in the order of its life from the right end of the bar to the left. */
const SHADES = { done: '█', taken: '▓', ready: '▒', delayed: '░' } as const
const LABEL_WIDTH = 8
const MAX_BAR_WIDTH = 60

/** The numbers beside the bar: heading, width, and how to get the text. */
const COLUMNS: readonly { title: string; width: number; text: (tube: TubeProgress) => string }[] = [
  { title: 'delayed', width: 8, text: ({ delayed }) => String(delayed) },
  { title: 'ready', width: 7, text: ({ ready }) => String(ready) },
  { title: 'taken', width: 6, text: ({ taken }) => String(taken) },
  { title: 'done', width: 7, text: ({ done }) => String(done) },
  { title: 'per s', width: 7, text: ({ perSecond }) => String(Math.round(perSecond)) },
  { title: 'late p50', width: 9, text: ({ lateness }) => (lateness === undefined ? '-' : String(lateness.p50)) },
  { title: 'p99 ms', width: 7, text: ({ lateness }) => (lateness === undefined ? '-' : String(lateness.p99)) },
]
const COLUMNS_WIDTH = COLUMNS.reduce((sum, { width }) => sum + width, 0)

/** The titles over the bars, cut to the terminal's `width`. */
export function headingLine(clock: string, width: number): string {
  const titles = COLUMNS.map((column) => column.title.padStart(column.width)).join('')
  return fit(`${clock.padEnd(LABEL_WIDTH + barWidth(width))}${titles}`, width)
}

/** A tube's name, bar and numbers, cut to the terminal's `width`. */
export function tubeLine(tube: TubeProgress, width: number): string {
  const numbers = COLUMNS.map((column) => column.text(tube).padStart(column.width)).join('')
  return fit(`${tube.tube.padEnd(LABEL_WIDTH)}${stackedBar(tube, barWidth(width))}${numbers}`, width)
}

/** The last column stays free: a character there makes some terminals go to the next line. */
function fit(text: string, width: number): string {
  return text.slice(0, Math.max(width - 1, 0))
}

function barWidth(width: number): number {
  return Math.max(0, Math.min(MAX_BAR_WIDTH, width - 1 - LABEL_WIDTH - COLUMNS_WIDTH))
}

/**
 * A bar of `width` characters: each state as long as its share of the planned pushes, blank for what is not put yet.
 * The states' ends are rounded, not their lengths, so the bar never gets longer or shorter by rounding.
 */
export function stackedBar(tube: TubeProgress, width: number): string {
  const counts = { done: tube.done, taken: tube.taken, ready: tube.ready, delayed: tube.delayed }
  // The server's figures and the gateway's are of different moments, so together they may exceed the plan.
  const whole = Math.max(tube.planned, counts.done + counts.taken + counts.ready + counts.delayed, 1)
  let sum = 0
  let bar = ''
  for (const state of ['done', 'taken', 'ready', 'delayed'] as const) {
    sum += counts[state]
    bar = bar.padEnd(Math.round((sum / whole) * width), SHADES[state])
  }
  return bar.padEnd(width, ' ')
}
