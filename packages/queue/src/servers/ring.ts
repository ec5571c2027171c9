import { randomUUID } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { emit } from '../emit.ts'
import { expected } from '../options.ts'
import { systemClock } from '../ports.ts'
import type { Task } from '../task.ts'
import type { Tube } from '../tube.ts'
import { Attempts } from '../worker/attempts.ts'
import type { HandlerContext } from '../worker/options.ts'
import { Again } from '../worker/outcome.ts'
import type { CloseOptions } from '../worker/shutdown.ts'
import type { Closable } from '../worker/worker.ts'
import { type Baton, batonKey, branchOf, isStale, type Trace } from './baton.ts'
import { Members, type MembersInternals, noServer, type ServerTarget, type Unreached } from './members.ts'
import {
  type ResolvedRing,
  type RingEvents,
  type RingHandler,
  type RingOptions,
  type RingWorkOptions,
  resolveRing,
} from './ring-options.ts'
import { latest, Traces } from './traces.ts'

/** With the hop it is the key of a task, 256 bytes at most. */
const MAX_MAILING_LENGTH = 60
/** Silent mailings at a time that a server counts the looks of. */
const MAX_LOOKS = 10_000
/** Seconds after which another process may look after a trace whose keeper hangs. */
const WATCH_TTR = 60

/**
 * Passes batons from server to server. A baton names a batch; whoever has it picks the batch, passes the baton
 * for the next one to the next server that is there, itself last, and then puts the batch to its own server.
 *
 * Each step may be repeated after a crash, and a baton whose server has died is issued again by the server that
 * has passed it on. Batons that are there twice by that are found and dropped, see `baton.ts`.
 */
export class Ring<B = unknown> extends EventEmitter<RingEvents> {
  readonly #members: Members
  readonly #ring: ResolvedRing
  readonly #traces: Traces<B>
  readonly #wall: () => number
  readonly #workers: Closable[] = []
  /** Of the traces of silent mailings: how often they were looked at. */
  readonly #looks = new Attempts(MAX_LOOKS)

  constructor(options: RingOptions, internals: MembersInternals = {}) {
    super()
    this.#ring = resolveRing(options)
    this.#members = new Members(options, internals)
    this.#wall = internals.wall ?? Date.now
    this.#traces = new Traces(this.#members, this.#ring, internals.clock ?? systemClock, (server, error) => {
      emit(this, 'unreached', server, error)
    })
  }

  /** All servers, in the order of the ring. */
  get servers(): string[] {
    return this.#members.names
  }

  /** Creates the two tubes on every server, which must be up. Needs the right to (role admin). */
  async createTubes(): Promise<void> {
    const { tube, watchTube, remember } = this.#ring
    for (const name of this.servers) {
      const queue = await this.#members.queue(name)
      await queue.createTube(tube, { type: 'fifottl', dedup: { window: remember }, ifNotExists: true })
      await queue.createTube(watchTube, { type: 'fifottl', dedup: true, ifNotExists: true, ttr: WATCH_TTR })
    }
  }

  /**
   * Starts a mailing: stores its first baton on the own server, or on the next one that is there. Resolves with
   * which, or with `undefined` if a mailing of this name is known already. Rejects with `NO_SERVER`.
   */
  async start(mailing: string, data: B): Promise<string | undefined> {
    if (typeof mailing !== 'string' || mailing === '' || mailing.length > MAX_MAILING_LENGTH) {
      throw expected('mailing', `a text of 1 to ${MAX_MAILING_LENGTH} characters`, mailing)
    }
    if ((await this.#traces.find(mailing)).length > 0) return undefined
    const baton: Baton<B> = { mailing, hop: 0, data, branch: '', born: 0, at: this.#wall() }
    const first: Trace<B> = { mailing, hop: -1, branch: '', born: 0, next: baton }
    const { self } = this.#ring
    return await this.#give(baton, [self, ...this.#after(self).slice(0, -1)], (tube) => this.#traces.put(tube, first))
  }

  /** Handles the batons of the own server, which must be up, and watches for lost ones. */
  async work(handler: RingHandler<B>, options: RingWorkOptions = {}): Promise<void> {
    const { self, tube, watchTube } = this.#ring
    const queue = await this.#members.queue(self)
    const own = queue.tube<Trace<B>>(watchTube)
    const batons = queue
      .tube<Baton<B>>(tube)
      .work((task, context) => this.#handle(task, context, handler, own), { concurrency: 1, prefetch: 0, ...options })
    const watch = own.work((task) => this.#watch(task), { concurrency: 4, prefetch: 0, retry: ENDLESS })
    for (const worker of [batons, watch]) {
      worker.on('failed', (_task, error) => emit(this, 'failed', error))
      worker.on('refused', (error) => emit(this, 'failed', error))
      this.#workers.push(worker)
    }
  }

  /** Adds a server behind those whose names sort before. Every process of the ring is to be told. */
  add(name: string, target: ServerTarget): void {
    this.#members.add(name, target)
  }

  /** Gives this server no more batons; it handles what it has. Every process of the ring is to be told. */
  drain(name: string): void {
    this.#members.drain(name)
  }

  /** Forgets a server. What it has is not asked for any more: drain it first. */
  async remove(name: string): Promise<void> {
    if (name === this.#ring.self) throw expected('name', 'another server than the own', name)
    await this.#members.remove(name)
  }

  /** Lets the batons that are being handled end, see {@link Worker.close}, and closes the connections made here. */
  async close(options: CloseOptions = {}): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close(options)))
    await this.#members.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Next baton stored, then the batch, then the ack: a crash in between repeats a step, and loses none. */
  async #handle(
    task: Task<Baton<B>>,
    context: HandlerContext,
    handler: RingHandler<B>,
    own: Tube<Trace<B>>,
  ): Promise<void> {
    const baton = task.data
    const { mailing, hop, branch, born } = baton
    const { self } = this.#ring
    const mine = (await this.#traces.findOn(self, mailing))?.trace
    const isRepeat = mine?.hop === hop && mine.branch === branch
    if (await this.#isDropped(baton, isRepeat ? undefined : mine, isRepeat)) return
    const { next: data, work } = await handler(baton.data, { mailing, hop, signal: context.signal })
    const next: Baton<B> | null =
      data === undefined ? null : { mailing, hop: hop + 1, data, branch, born, at: this.#wall() }
    await this.#traces.put(own, { mailing, hop, branch, born, next })
    // A repeated step may have passed it to a server that is not there now.
    if (next !== null) await this.#give(isRepeat ? branchOf(next, randomUUID()) : next, this.#after(self))
    await work?.()
  }

  /** What the own server knows is looked at for every baton, the others for those that may be there twice. */
  async #isDropped(baton: Baton<B>, mine: Trace<B> | undefined, isRepeat: boolean): Promise<boolean> {
    const { mailing, hop, branch, at } = baton
    let isDropped = mine !== undefined && isStale(baton, [mine])
    const isOld = Math.abs(this.#wall() - at) > this.#ring.silence * 500
    if (!isDropped && (isRepeat || isOld || branch !== '')) {
      const others = (await this.#traces.find(mailing)).filter(({ server }) => server !== this.#ring.self)
      isDropped = isStale(
        baton,
        others.map(({ trace }) => trace),
      )
    }
    if (isDropped) emit(this, 'dropped', mailing, hop)
    return isDropped
  }

  /** The own trace of a mailing has become ready: no baton came by. */
  async #watch(task: Task<Trace<B>>): Promise<unknown> {
    const { mailing } = task.data
    const { self, silence } = this.#ring
    const found = await this.#traces.find(mailing)
    const last = latest(found) ?? { server: self, trace: task.data, state: 'taken' }
    const { next } = last.trace
    if (next === null || found.some(({ trace }) => trace.next === null)) {
      this.#looks.forget(task.id)
      return undefined
    }
    if (last.server !== self && last.state === 'delayed') {
      this.#looks.forget(task.id)
      return new Again(silence)
    }
    const looks = this.#looks.current(task.id)
    this.#looks.fail(task.id)
    // It is for the server that was the last to pass it on, if somebody is at work there.
    if (last.server !== self && looks === 1) return new Again(silence / 2)
    // Another one each time: a server may be there, and nobody at work on it.
    const order = this.#after(last.server)
    const start = (looks - 1) % order.length
    const baton = branchOf({ ...next, at: this.#wall() }, randomUUID())
    const server = await this.#give(baton, [...order.slice(start), ...order.slice(0, start)])
    emit(this, 'reissued', mailing, baton.hop, server)
    return new Again(silence)
  }

  /** Stores the baton on the first of the servers that is there; `before` is to be stored on it first. */
  async #give(
    baton: Baton<B>,
    servers: readonly string[],
    before?: (watch: Tube<Trace<B>>) => Promise<void>,
  ): Promise<string> {
    const { tube, watchTube } = this.#ring
    let given = baton
    let last: Unreached | undefined
    for (const server of servers.filter((name) => this.#members.isOpen(name))) {
      const answer = await this.#members.use(server, async (queue) => {
        await before?.(queue.tube<Trace<B>>(watchTube))
        await queue.tube<Baton<B>>(tube).put(given, { key: batonKey(given) })
      })
      if ('value' in answer) {
        emit(this, 'passed', given.mailing, given.hop, server)
        return server
      }
      last = answer
      emit(this, 'unreached', server, answer.error)
      // It may be stored there.
      if (answer.sent && given === baton) given = branchOf(baton, randomUUID())
    }
    throw noServer(`the baton ${baton.hop} of '${baton.mailing}'`, last, given !== baton)
  }

  /** The other servers in the order of the ring, then this one. */
  #after(name: string): string[] {
    const names = this.servers
    const later = names.filter((other) => other > name)
    return [...later, ...names.filter((other) => other < name), ...(names.includes(name) ? [name] : [])]
  }
}

/** A watch is kept for as long as its mailing goes on. */
const ENDLESS = Object.freeze({ attempts: Number.MAX_SAFE_INTEGER, maxDelay: 10 })
