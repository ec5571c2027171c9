import { join } from 'node:path'
import { Queue } from '@tarantella/queue'
import { onTestFinished } from 'vitest'
import { startTarantool, type TarantoolServer } from './start-tarantool.ts'

export const INIT_FILE = join(import.meta.dirname, '..', '..', 'tarantool', 'init.lua')

export type Role = 'admin' | 'producer' | 'consumer'

export interface QueueServer extends TarantoolServer {
  uriOf(role: Role): string
  /** A queue client of this role; closed when the test ends. */
  queue(role?: Role): Promise<Queue>
}

/** The queue server as users start it, with `tubes` as `name:type,…`. */
export async function startQueue(tubes: string, env: Readonly<Record<string, string>> = {}): Promise<QueueServer> {
  const passwords = { ADMIN: 'pw-admin', PRODUCER: 'pw-producer', CONSUMER: 'pw-consumer' }
  const server = await startTarantool({
    initFile: INIT_FILE,
    ready: /tarantella ready on/,
    env: {
      ...Object.fromEntries(
        Object.entries(passwords).map(([role, password]) => [`TARANTELLA_${role}_PASSWORD`, password]),
      ),
      TARANTELLA_TUBES: tubes,
      ...env,
    },
  })
  // `admin` itself is Tarantool's superuser.
  const userOf = (role: Role): string => (role === 'admin' ? 'queue_admin' : role)
  const uriOf = (role: Role): string => `tarantool://${userOf(role)}:pw-${role}@127.0.0.1:${server.port}`
  const queue = async (role: Role = 'admin'): Promise<Queue> => {
    const opened = await Queue.connect(uriOf(role))
    onTestFinished(() => opened.close({ graceMs: 0 }))
    return opened
  }
  return Object.assign(server, { uriOf, queue })
}
