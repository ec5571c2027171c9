import { clockText, type Progress, type TubeProgress, type View } from './progress.ts'

/** Plain lines, one per tube and second. */
export class LinesView implements View {
  readonly everyMs = 1_000
  readonly #stream: NodeJS.WritableStream

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream
  }

  show(progress: Progress): void {
    const clock = clockText(progress.campaignTime)
    this.#stream.write(progress.tubes.map((tube) => `${clock}  ${plainLine(tube)}\n`).join(''))
  }

  note(text: string): void {
    this.#stream.write(`${text}\n`)
  }

  close(): void {}
}

/** @returns `ios: delayed 20, ready 0, taken 3, done 77 of 100, 12/s, late p50 2 ms, p99 9 ms` */
export function plainLine(progress: TubeProgress): string {
  const { tube, delayed, ready, taken, done, planned, lateness } = progress
  const states = `delayed ${delayed}, ready ${ready}, taken ${taken}, done ${done} of ${planned}`
  const late = lateness === undefined ? '' : `, late p50 ${lateness.p50} ms, p99 ${lateness.p99} ms`
  return `${tube}: ${states}, ${Math.round(progress.perSecond)}/s${late}`
}
