import type { QueueServer } from '../wire/server.ts'
import type { Delivery } from '../wire/task-tuple.ts'

/** Returns tasks that arrived when nobody waited for them any more. Never rejects. */
export async function giveBack(server: QueueServer, tube: string, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length === 0) return
  const items = deliveries.map(({ id, token }) => [id, token])
  try {
    await server.settleMany('queue.release_many', tube, items)
  } catch {
    // Only a lost connection gets here, and with it the server has released the session's tasks.
  }
}
