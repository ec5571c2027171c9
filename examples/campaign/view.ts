import type { View } from './progress.ts'
import { BarsView } from './view-bars.ts'
import { LinesView } from './view-lines.ts'

/** Bars where a person watches; lines without control codes into a pipe, a file or a terminal that knows none. */
export function makeView(stream: NodeJS.WriteStream): View {
  return stream.isTTY && process.env.TERM !== 'dumb' ? new BarsView(stream) : new LinesView(stream)
}
