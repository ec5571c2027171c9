import type { Lease, QueueServer } from '../wire/server.ts'

/** Returns tasks that arrived when nobody waited for them any more. Never rejects. */
export async function giveBack(server: QueueServer, tube: string, leases: readonly Lease[]): Promise<void> {
  if (leases.length === 0) return
  const items = leases.map(({ id, token }) => [id, token])
  try {
    await server.settleMany('queue.release_many', tube, items)
  } catch {
    // Only a lost connection gets here, and with it the server has released the session's tasks.
  }
}
