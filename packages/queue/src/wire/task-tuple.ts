import type { TaskHeaders } from '../diagnostics.ts'
import { QueueError } from '../errors.ts'
import { itemError } from './server-errors.ts'

/** A task's number, unique in its tube for ever. */
export type TaskId = number

const STATE_NAMES = { r: 'ready', t: 'taken', '~': 'delayed', '!': 'buried', '-': 'done', w: 'waiting' } as const

/** Where a task is in its life; `waiting`: its children have not ended, see {@link Queue.putFlow}. */
export type TaskState = (typeof STATE_NAMES)[keyof typeof STATE_NAMES]

/** What became of one item of a batch. */
export interface TaskStatus {
  readonly id: TaskId
  readonly state: TaskState
}

/**
 * What became of a put. `dedup` is there if the tube had a task with the put's `key` already: that one is
 * left as it was (`duplicate`), was changed (`replaced`), or will be followed by this one (`after`).
 */
export interface PutStatus extends TaskStatus {
  readonly dedup?: 'duplicate' | 'replaced' | 'after'
}

/** A delivered task: `[id, 't', data, token]`. The token names this delivery. */
export interface Delivery extends TaskStatus {
  readonly data: unknown
  readonly token: number
  /** Of its payload's envelope, once that was opened. */
  readonly headers?: TaskHeaders | undefined
}

/** Raises for an answer that does not have the promised shape, naming what came. */
export function unexpected(what: string, got: unknown): QueueError {
  const kind = Array.isArray(got) ? `an array of ${String(got.length)}` : got === null ? 'nil' : typeof got
  return new QueueError('UNEXPECTED_REPLY', `Expected ${what} from the queue server, got ${kind}`, { sent: true })
}

function isStateLetter(letter: unknown): letter is keyof typeof STATE_NAMES {
  return typeof letter === 'string' && Object.hasOwn(STATE_NAMES, letter)
}

/** The name of a state's letter. */
export function toState(letter: unknown): TaskState {
  if (!isStateLetter(letter)) throw unexpected('the letter of a state', letter)
  return STATE_NAMES[letter]
}

/** `[id, state, data, token, attempt]`, of which a caller names what it needs. */
type TaskTuple = readonly unknown[]

function isTuple(value: unknown): value is TaskTuple {
  return Array.isArray(value)
}

/** `[id, state, …]` → status. */
export function toStatus(tuple: unknown): TaskStatus {
  if (!isTuple(tuple)) throw unexpected('a task', tuple)
  // By index: every element of a pattern would go through the array's iterator.
  const id = tuple[0]
  const letter = tuple[1]
  if (typeof id !== 'number' || !isStateLetter(letter)) throw unexpected('a task [id, state]', tuple)
  return { id, state: STATE_NAMES[letter] }
}

const DEDUP_WORDS: ReadonlySet<unknown> = new Set(['duplicate', 'replaced', 'after'])

function isDedup(word: unknown): word is NonNullable<PutStatus['dedup']> {
  return DEDUP_WORDS.has(word)
}

/** `[id, state, dedup?]`, or with the payload in between, → what became of a put. */
export function toPutStatus(tuple: unknown, dedupAt: 2 | 3 = 2): PutStatus {
  const status = toStatus(tuple)
  const dedup: unknown = isTuple(tuple) ? tuple[dedupAt] : undefined
  return isDedup(dedup) ? { ...status, dedup } : status
}

/** `[id, state, data]` → status and payload. */
export function toPeeked(tuple: unknown): TaskStatus & { readonly data: unknown } {
  const { id, state } = toStatus(tuple)
  return { id, state, data: isTuple(tuple) ? tuple[2] : undefined }
}

/** `[id, 't', data, token]` → delivery. */
export function toDelivery(tuple: unknown): Delivery {
  if (!isTuple(tuple)) throw unexpected('a delivery', tuple)
  const id = tuple[0]
  const letter = tuple[1]
  const token = tuple[3]
  if (typeof id !== 'number' || !isStateLetter(letter) || typeof token !== 'number') {
    throw unexpected('a delivery [id, state, data, token]', tuple)
  }
  return { id, state: STATE_NAMES[letter], data: tuple[2], token }
}

/** An item of a batch's answer: `[id, state]` or `{code, message}`. */
export function toItemResult(item: unknown): TaskStatus | QueueError {
  return toResult(item, toStatus)
}

/** The same of a put. */
export function toPutResult(item: unknown): PutStatus | QueueError {
  return toResult(item, toPutStatus)
}

function toResult<Status>(item: unknown, read: (tuple: unknown) => Status): Status | QueueError {
  if (Array.isArray(item)) return read(item)
  if (typeof item === 'object' && item !== null) return itemError(item)
  return unexpected('a task or an error', item)
}
