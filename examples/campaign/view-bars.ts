import { MultiBar, type SingleBar } from 'cli-progress'
import { headingLine, tubeLine } from './bar-text.ts'
import { clockText, type Progress, type TubeProgress, type View } from './progress.ts'

/** A terminal that does not say its width gets lines that fit the usual one. */
const DEFAULT_WIDTH = 80

/** A heading and one live bar per tube, drawn over again in place. */
export class BarsView implements View {
  readonly everyMs = 500
  readonly #stream: NodeJS.WriteStream
  readonly #bars: MultiBar
  #heading: SingleBar | undefined
  readonly #tubes = new Map<string, SingleBar>()

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
    this.#bars = new MultiBar({
      stream,
      fps: 4,
      hideCursor: true,
      // A note above the bars moves them down: lines that did not change must be drawn as well.
      forceRedraw: true,
      // Signals are the campaign's: it closes this view on its way out.
      gracefulExit: false,
    })
  }

  show(progress: Progress): void {
    const clock = { text: clockText(progress.campaignTime) }
    this.#heading ??= this.#bars.create(1, 0, clock, {
      format: (_options, _params, payload: { text: string }) => headingLine(payload.text, this.#width),
    })
    this.#heading.update(clock)
    for (const tube of progress.tubes) {
      const bar = this.#tubes.get(tube.tube) ?? this.#addBar(tube)
      bar.update(tube.done, { tube })
    }
  }

  note(text: string): void {
    // Without bars nothing would draw the note.
    if (this.#heading === undefined) this.#stream.write(`${text}\n`)
    else this.#bars.log(`${text}\n`)
  }

  close(): void {
    if (this.#heading === undefined) return
    this.#bars.update() // draws the notes that wait, which stop() would lose
    this.#bars.stop()
    this.#heading = undefined
  }

  get #width(): number {
    return this.#stream.columns || DEFAULT_WIDTH
  }

  #addBar(tube: TubeProgress): SingleBar {
    const format = (_options: unknown, _params: unknown, payload: { tube: TubeProgress }): string =>
      tubeLine(payload.tube, this.#width)
    const bar = this.#bars.create(tube.planned, tube.done, { tube }, { format })
    this.#tubes.set(tube.tube, bar)
    return bar
  }
}
