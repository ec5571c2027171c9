// queue.find(tube, {key}) → [id, state, data] or no value
// queue.cancel(tube, key) → whether there was something to cancel
import type { QueueServer } from './server.ts'
import { type TaskStatus, toPeeked } from './task-tuple.ts'

export async function findByKey(
  server: QueueServer,
  tube: string,
  key: string,
): Promise<(TaskStatus & { readonly data: unknown }) | undefined> {
  const [tuple] = await server.call('queue.find', [tube, { key }])
  return tuple === undefined || tuple === null ? undefined : toPeeked(tuple)
}

export async function cancelByKey(server: QueueServer, tube: string, key: string): Promise<boolean> {
  return (await server.call('queue.cancel', [tube, key]))[0] === true
}
