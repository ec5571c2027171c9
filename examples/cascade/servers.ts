import { connect } from '@tarantella/connector'
import { Queue } from '@tarantella/queue'
import { TarantoolServer } from '../server/tarantool-server.ts'

/** Seconds for which keys of tasks that are done are kept: longer than a mailing takes. */
const WINDOW = 3600

/** The Tarantools s1, s2, …, each with the users and both tubes. */
export class Servers implements AsyncDisposable {
  readonly #servers = new Map<string, TarantoolServer>()

  static async start(size: number, ids: number, names: number): Promise<Servers> {
    const servers = new Servers()
    try {
      for (let i = 1; i <= size; i++) {
        const server = await TarantoolServer.start({ file: new URL('server.lua', import.meta.url) })
        servers.#servers.set(`s${i}`, server)
        await prepare(server.uri('app'), ids, names)
      }
      return servers
    } catch (error) {
      await servers[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Name → URI. */
  get uris(): Readonly<Record<string, string>> {
    return Object.fromEntries(Array.from(this.#servers, ([name, server]) => [name, server.uri('app')]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#servers.values(), (server) => server[Symbol.asyncDispose]()))
  }
}

async function prepare(uri: string, ids: number, names: number): Promise<void> {
  await using tnt = await connect(uri)
  await tnt.call('fill_users', [ids, names])
  const queue = new Queue(tnt)
  for (const tube of ['pieces', 'pushes']) {
    await queue.createTube(tube, { type: 'fifottl', dedup: { window: WINDOW } })
  }
}
