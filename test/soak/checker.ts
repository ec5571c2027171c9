import { type Entry, readJournal } from './journal.ts'
import type { Absence } from './workers.ts'

/** Why a task ran again. */
export const CAUSES = [
  'the handler had thrown',
  'the worker was killed',
  'the session was lost',
  'the server was killed',
  'the outcome was not known',
  'the lease ended by its ttr',
] as const
export type Cause = (typeof CAUSES)[number]

export interface Evidence {
  readonly journals: readonly string[]
  /** Id of each confirmed put by payload; -1 for an unknown outcome. */
  readonly ids: readonly number[]
  readonly absences: readonly Absence[]
  /** When the server was away, and when this whole machine stood still; microseconds. */
  readonly outages: readonly Span[]
  readonly stalls: readonly Span[]
}

export interface Span {
  readonly from: number
  readonly to: number
}

export interface Verdict {
  readonly runs: number
  readonly acked: number
  readonly duplicates: Readonly<Record<Cause, number>>
  /** What must not be, in words; empty when all is well. */
  readonly violations: readonly string[]
}

/** One run of a handler. */
interface Run {
  readonly journal: string
  readonly data: number
  readonly start: number
  hasFailed: boolean
  isDone: boolean
  /** When its ack was confirmed. */
  ackedAt: number | undefined
}

/** A delivery is at most so long before the start of its handler, us. */
const DELIVERY_US = 1_000_000
/** Violations told one by one; the others are counted. */
const TOLD = 20

/** Judges what the journals tell. */
export class Checker {
  readonly #evidence: Evidence
  readonly #violations: string[] = []
  readonly #counts: Uint32Array
  readonly #acks: Uint32Array
  readonly #dataOfId: number[] = []
  readonly #isDone: Uint8Array
  /** By journal: when its connection was lost, and when it did not run. */
  readonly #lost = new Map<string, Span[]>()
  readonly #gaps = new Map<string, Span[]>()
  #runs = 0
  #acked = 0

  constructor(evidence: Evidence) {
    this.#evidence = evidence
    const length = evidence.ids.length
    this.#counts = new Uint32Array(length)
    this.#acks = new Uint32Array(length)
    this.#isDone = new Uint8Array(length)
  }

  async judge(): Promise<Verdict> {
    for (const journal of this.#evidence.journals) {
      for await (const entry of readJournal(journal)) this.#count(journal, entry)
    }
    for (const [data, id] of this.#evidence.ids.entries()) {
      if (id >= 0 && this.#isDone[data] === 0) this.#violate(`Task ${id} (${data}) was put and never done`)
      if ((this.#acks[data] ?? 0) > 1) this.#violate(`Task ${id} (${data}) has ${this.#acks[data]} confirmed acks`)
    }
    const duplicates = await this.#explainDuplicates()
    const { length } = this.#violations
    const violations = this.#violations.slice(0, TOLD)
    if (length > TOLD) violations.push(`… and ${length - TOLD} more`)
    return { runs: this.#runs, acked: this.#acked, duplicates, violations }
  }

  #count(journal: string, { kind, data, id, time }: Entry): void {
    switch (kind) {
      case 's':
        this.#runs += 1
        this.#started(data, id)
        break
      case 'd':
        this.#isDone[data] = 1
        break
      case 'a':
        this.#acked += 1
        this.#acks[data] = (this.#acks[data] ?? 0) + 1
        break
      case 'x':
        listOf(this.#lost, journal).push({ from: time, to: time })
        break
      case 'g':
        listOf(this.#gaps, journal).push({ from: time - data, to: time })
        break
      default:
    }
  }

  #started(data: number, id: number): void {
    const before = this.#counts[data]
    const put = this.#evidence.ids[data]
    if (before === undefined || put === undefined) {
      this.#violate(`Payload ${data} was never put`)
      return
    }
    this.#counts[data] = before + 1
    if (put >= 0 && put !== id) this.#violate(`Payload ${data} was put as task ${put} and ran as ${id}`)
    const owner = this.#dataOfId[id] ?? data
    this.#dataOfId[id] = owner
    if (owner !== data) this.#violate(`Id ${id} was given to payloads ${owner} and ${data}`)
  }

  async #explainDuplicates(): Promise<Record<Cause, number>> {
    const found = Object.fromEntries(CAUSES.map((cause) => [cause, 0] as const)) as Record<Cause, number>
    for (const runs of (await this.#repeated()).values()) {
      runs.sort((a, b) => a.start - b.start)
      for (const [i, run] of runs.entries()) {
        const before = runs[i - 1]
        if (before === undefined) continue
        const cause = this.#causeOf(before, run)
        if (cause === undefined)
          this.#violate(`Payload ${run.data} ran again for no known reason: ${describe(before)}, then ${describe(run)}`)
        else found[cause] += 1
      }
    }
    return found
  }

  /** The runs of payloads that ran more than once. */
  async #repeated(): Promise<Map<number, Run[]>> {
    const repeated = new Map<number, Run[]>()
    for (const journal of this.#evidence.journals) {
      const open = new Map<number, Run>()
      for await (const { kind, run: number, data, time } of readJournal(journal)) {
        if ((this.#counts[data] ?? 0) < 2 || !'sdfa'.includes(kind)) continue
        if (kind === 's') {
          const run: Run = { journal, data, start: time, hasFailed: false, isDone: false, ackedAt: undefined }
          open.set(number, run)
          listOf(repeated, data).push(run)
          continue
        }
        const run = open.get(number)
        if (run === undefined) continue
        if (kind === 'f') run.hasFailed = true
        if (kind === 'd') run.isDone = true
        if (kind === 'a') run.ackedAt = time
      }
    }
    return repeated
  }

  #causeOf(before: Run, run: Run): Cause | undefined {
    const span = { from: before.start - DELIVERY_US, to: run.start }
    if (before.ackedAt !== undefined && before.ackedAt < run.start) {
      // An acked task does not come back: the delivery is an older one, whose process stood still or was cut off.
      if (this.#stoodStill(run.journal, span)) return 'the lease ended by its ttr'
      return this.#wasCutOff(run.journal, span) ? 'the session was lost' : undefined
    }
    if (before.hasFailed) return 'the handler had thrown'
    if (this.#wasAbsent('killed', before.journal, span)) return 'the worker was killed'
    if (overlaps(this.#evidence.outages, span))
      return before.isDone ? 'the outcome was not known' : 'the server was killed'
    if (this.#wasCutOff(before.journal, span))
      return before.isDone ? 'the outcome was not known' : 'the session was lost'
    if (this.#stoodStill(before.journal, span) || this.#stoodStill(run.journal, span))
      return 'the lease ended by its ttr'
    return this.#wasCutOff(run.journal, span) ? 'the session was lost' : undefined
  }

  #stoodStill(journal: string, span: Span): boolean {
    return (
      this.#wasAbsent('stopped', journal, span) ||
      overlaps(this.#gaps.get(journal), span) ||
      overlaps(this.#evidence.stalls, span)
    )
  }

  /** The server knows of a cut at once, and hands the tasks to others; the worker may hear of it later. */
  #wasCutOff(journal: string, span: Span): boolean {
    return this.#wasAbsent('cut', journal, span) || overlaps(this.#lost.get(journal), span)
  }

  #wasAbsent(kind: Absence['kind'], journal: string, span: Span): boolean {
    return this.#evidence.absences.some((a) => a.kind === kind && a.journal === journal && isWithin(a, span))
  }

  #violate(text: string): void {
    this.#violations.push(text)
  }
}

function listOf<Key, Item>(map: Map<Key, Item[]>, key: Key): Item[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}

function isWithin(a: Span, b: Span): boolean {
  return a.from <= b.to && a.to >= b.from
}

function overlaps(spans: readonly Span[] | undefined, span: Span): boolean {
  return spans?.some((each) => isWithin(each, span)) ?? false
}

function describe({ journal, start, isDone, ackedAt }: Run): string {
  const name = journal.replace(/^.*[/]/, '')
  return `at ${start} in ${name} (${isDone ? 'done' : 'not done'}, ${ackedAt === undefined ? 'not acked' : `acked at ${ackedAt}`})`
}
