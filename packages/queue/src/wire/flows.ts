// queue.put_flow({tube, data, opts, children = {…}, on_fail}) → {tube, id, children = {…}}
// queue.children(tube, id) → per child {tube, id, outcome, error, result}
import { defined, isText, optional, toList, toMap, toNumber, toText } from './maps.ts'
import { isOutcome, type TaskOutcome } from './results.ts'
import type { QueueServer } from './server.ts'
import type { TaskId } from './task-tuple.ts'

/** A tree of tasks as the server takes it. */
export interface WireFlow {
  readonly tube: string
  readonly data: unknown
  readonly opts?: object
  readonly on_fail?: string
  readonly children?: readonly WireFlow[]
}

/** The tasks that a flow has become, in its shape. */
export interface FlowTask {
  readonly tube: string
  readonly id: TaskId
  readonly children: readonly FlowTask[]
}

/** A child of a task, and how it has ended. */
export interface ChildTask {
  readonly tube: string
  readonly id: TaskId
  /** Absent: it goes on. */
  readonly outcome?: TaskOutcome
  readonly error?: string
  /** Where the child's tube keeps results. */
  readonly result?: unknown
}

export async function putFlow(server: QueueServer, flow: WireFlow): Promise<FlowTask> {
  return toFlowTask((await server.call('queue.put_flow', [flow]))[0])
}

export async function childrenOf(server: QueueServer, tube: string, id: TaskId): Promise<ChildTask[]> {
  const children = toList((await server.call('queue.children', [tube, id]))[0], 'an array of children')
  return children.map((child) => {
    const map = toMap(child, 'a child')
    return defined({
      tube: optional(map['tube'], isText) ?? '',
      id: toNumber(map['id'], 'the id of a task'),
      outcome: optional(map['outcome'], isOutcome),
      error: optional(map['error'], isText),
      result: map['result'],
    })
  })
}

function toFlowTask(value: unknown): FlowTask {
  const map = toMap(value, 'a task of a flow')
  const children = map['children'] ?? []
  return {
    tube: toText(map['tube'], 'the name of a tube'),
    id: toNumber(map['id'], 'the id of a task'),
    children: toList(children, 'the children of a task').map(toFlowTask),
  }
}
