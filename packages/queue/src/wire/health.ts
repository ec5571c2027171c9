import { unexpected } from './task-tuple.ts'

/** The answer of `queue.health()`. */
export interface QueueHealth {
  readonly ready: boolean
  /** `INIT`, `STARTUP`, `RUNNING`, `ENDING` or `WAITING`. */
  readonly state: string
  /** Version of the queue's server side. */
  readonly version: string
  /** Version of Tarantool. */
  readonly server: string
  readonly tubes: number
  /** What an operator should know, as sentences. */
  readonly warnings: readonly string[]
}

export function toHealth(value: unknown): QueueHealth {
  if (typeof value !== 'object' || value === null) throw unexpected('the health of the queue', value)
  // Each field is checked below.
  const { ready, state, version, server, tubes, warnings } = value as Partial<Record<keyof QueueHealth, unknown>>
  return {
    ready: ready === true,
    state: text(state),
    version: text(version),
    server: text(server),
    tubes: typeof tubes === 'number' ? tubes : 0,
    warnings: Array.isArray(warnings) ? warnings.map(text) : [],
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
