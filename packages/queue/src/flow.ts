import { expected, type PutOptions, requireText, toWirePutOptions } from './options.ts'
import { pack } from './ports.ts'
import type { WireFlow } from './wire/flows.ts'

/** A task and those that have to end before it: {@link Queue.putFlow}. */
export interface Flow {
  /** Has the option `flows`. */
  readonly tube: string
  readonly data: unknown
  /** A parent's `delay` and `ttl` begin when its children have ended. A task of a flow has no `key`. */
  readonly options?: Omit<PutOptions, 'key' | 'dedup' | 'taken' | 'extend' | 'window' | 'timeout'>
  readonly children?: readonly FlowChild[]
}

/** A task that its parent waits for. */
export interface FlowChild extends Flow {
  /**
   * When it was buried, moved to a dead-letter tube, deleted or has expired: `'fail'`, the parent is buried
   * with its error; `'ignore'`, it counts as done; `'continue'`, the parent is ready at once. @default 'fail'
   */
  readonly onFail?: 'fail' | 'ignore' | 'continue'
}

const WAYS: ReadonlySet<string> = new Set(['fail', 'ignore', 'continue'])

/** Checks a tree and gives it the server's form, its payloads as they are now. */
export function toWireFlow(flow: FlowChild, toStored: (data: unknown) => unknown): WireFlow {
  const { tube, data, options, onFail, children } = flow
  requireText('tube', tube)
  if (onFail !== undefined && !WAYS.has(onFail)) throw expected('onFail', "'fail', 'ignore' or 'continue'", onFail)
  const opts = options === undefined ? undefined : toWirePutOptions(options)
  return {
    tube,
    data: pack(toStored(data)).value,
    ...(opts === undefined ? {} : { opts }),
    ...(onFail === undefined ? {} : { on_fail: onFail }),
    ...(children === undefined ? {} : { children: children.map((child) => toWireFlow(child, toStored)) }),
  }
}
