import { QueueError } from '../errors.ts'
import { itemError } from './server-errors.ts'

/** A task's number, unique in its tube for ever. */
export type TaskId = number

const STATE_NAMES = { r: 'ready', t: 'taken', '~': 'delayed', '!': 'buried', '-': 'done' } as const

/** Where a task is in its life. */
export type TaskState = (typeof STATE_NAMES)[keyof typeof STATE_NAMES]

/** What became of one item of a batch. */
export interface TaskStatus {
  readonly id: TaskId
  readonly state: TaskState
}

/** A delivered task: `[id, 't', data, token]`. The token names this delivery. */
export interface Delivery extends TaskStatus {
  readonly data: unknown
  readonly token: number
}

/** Raises for an answer that does not have the promised shape, naming what came. */
export function unexpected(what: string, got: unknown): QueueError {
  const kind = Array.isArray(got) ? `an array of ${String(got.length)}` : got === null ? 'nil' : typeof got
  return new QueueError('UNEXPECTED_REPLY', `Expected ${what} from the queue server, got ${kind}`, { sent: true })
}

function isStateLetter(letter: unknown): letter is keyof typeof STATE_NAMES {
  return typeof letter === 'string' && Object.hasOwn(STATE_NAMES, letter)
}

/** `[id, state, data, token]`, of which a caller names what it needs. */
type TaskTuple = readonly unknown[]

function isTuple(value: unknown): value is TaskTuple {
  return Array.isArray(value)
}

/** `[id, state, …]` → status. */
export function toStatus(tuple: unknown): TaskStatus {
  if (!isTuple(tuple)) throw unexpected('a task', tuple)
  const [id, letter] = tuple
  if (typeof id !== 'number' || !isStateLetter(letter)) throw unexpected('a task [id, state]', tuple)
  return { id, state: STATE_NAMES[letter] }
}

/** `[id, state, data]` → status and payload. */
export function toPeeked(tuple: unknown): TaskStatus & { readonly data: unknown } {
  const { id, state } = toStatus(tuple)
  return { id, state, data: isTuple(tuple) ? tuple[2] : undefined }
}

/** `[id, 't', data, token]` → delivery. */
export function toDelivery(tuple: unknown): Delivery {
  if (!isTuple(tuple)) throw unexpected('a delivery', tuple)
  const [id, letter, data, token] = tuple
  if (typeof id !== 'number' || !isStateLetter(letter) || typeof token !== 'number') {
    throw unexpected('a delivery [id, state, data, token]', tuple)
  }
  return { id, state: STATE_NAMES[letter], data, token }
}

/** An item of a batch's answer: `[id, state]` or `{code, message}`. */
export function toItemResult(item: unknown): TaskStatus | QueueError {
  if (Array.isArray(item)) return toStatus(item)
  if (typeof item === 'object' && item !== null) return itemError(item)
  return unexpected('a task or an error', item)
}
