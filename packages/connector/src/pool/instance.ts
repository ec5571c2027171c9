import { Client } from '../client/client.ts'
import { isFinal, Reconnector } from '../client/reconnect.ts'
import { asConnectError } from '../connection/failures.ts'
import { ConnectionError, type TarantellaError } from '../errors.ts'
import type { ResolvedOptions } from '../options.ts'
import { formatAddress } from '../util/address.ts'
import type { BackoffPolicy } from '../util/backoff.ts'
import { roleFromProbe, roleFromStatus, roleProbe } from './role-probe.ts'
import type { Role } from './roles.ts'

/** Who hears of an instance's ups and downs. */
export interface InstanceOwner {
  up(name: string, uuid: string): void
  role(name: string, role: Role | undefined): void
  /** Also after a dial that failed. */
  down(name: string, error: TarantellaError): void
  /** It will not be dialed again, as after a refused password. */
  gaveUp(name: string, error: TarantellaError): void
}

export interface InstanceOptions {
  readonly name: string
  /** Without a reconnect and without an offline queue, which are the pool's. */
  readonly connection: ResolvedOptions
  readonly redial: BackoffPolicy
  readonly rolePollMs: number
}

/**
 * One server of a pool: dials it until a session stands, and again when it is lost, and keeps knowing its role. Each
 * session is a client of its own, so whatever one leaves behind ends with it.
 */
export class Instance {
  readonly name: string
  readonly #options: InstanceOptions
  readonly #owner: InstanceOwner
  /** Of the session that stands, or is being dialed for. */
  #client: Client | undefined
  #isUp = false
  #redialing: Reconnector | undefined
  #poll: NodeJS.Timeout | undefined
  #asking: Promise<void> | undefined
  #stopped = false

  constructor(options: InstanceOptions, owner: InstanceOwner) {
    this.name = options.name
    this.#options = options
    this.#owner = owner
  }

  /** The client of the present session, if it takes requests. */
  get client(): Client | undefined {
    return this.#isUp && this.#client?.status === 'connected' ? this.#client : undefined
  }

  /** The first dial, at once. */
  start(): void {
    this.#dial().catch((reason: unknown) => this.#failed(reason))
  }

  /** Asks the server for its role anew; an answer that is under way will do. */
  ask(): void {
    const client = this.client
    if (client === undefined) return
    this.#asking ??= this.#ask(client)
      // A server that does not answer in time, or does not serve any more, is dialed anew.
      .catch((error: unknown) => client.destroy(error))
      .finally(() => {
        this.#asking = undefined
      })
  }

  /** Waits for the replies to what is in flight. */
  async close(): Promise<void> {
    this.#stop()
    await (this.#isUp ? this.#client?.close() : this.#client?.destroy())
  }

  destroy(error: unknown): void {
    this.#stop()
    this.#client?.destroy(error)
  }

  #stop(): void {
    this.#stopped = true
    this.#redialing?.stop()
    clearTimeout(this.#poll)
  }

  /** Resolves when the session stands and its role is known. */
  async #dial(): Promise<void> {
    const client = new Client(this.#options.connection)
    this.#client = client
    const ended = new Promise<TarantellaError | undefined>((resolve) => client.once('close', resolve))
    await client.start()
    this.#isUp = true
    this.#owner.up(this.name, client.server?.uuid ?? '')
    try {
      await this.#ask(client)
    } catch (error) {
      this.#isUp = false
      client.destroy()
      throw error
    }
    if (this.#stopped) return
    void ended.then((error) => this.#lost(error))
    this.#follow(client)
  }

  async #ask(client: Client): Promise<void> {
    const { connectTimeoutMs: timeoutMs } = this.#options.connection
    // The probe never succeeds; what it fails with is the answer.
    const answer: unknown = await client.exchange({ timeoutMs }, roleProbe).catch((error: unknown) => error)
    this.#owner.role(this.name, roleFromProbe(answer))
  }

  /** Where the server tells of changes by itself, it is not polled. */
  #follow(client: Client): void {
    if (client.server?.features.has('watchers') === true) {
      // It ends with the client, and so with the session.
      client.watch('box.status', (status: unknown) => {
        if (this.#client === client) this.#owner.role(this.name, roleFromStatus(status))
      })
    } else this.#schedulePoll()
  }

  #schedulePoll(): void {
    this.#poll = setTimeout(() => {
      this.ask()
      void this.#asking?.then(() => {
        if (this.client !== undefined && !this.#stopped) this.#schedulePoll()
      })
    }, this.#options.rolePollMs).unref()
  }

  #lost(reason: TarantellaError | undefined): void {
    this.#isUp = false
    clearTimeout(this.#poll)
    this.#failed(reason ?? ended(this.#options))
  }

  #failed(reason: unknown): void {
    if (this.#stopped) return
    const error = asConnectError(reason, formatAddress(this.#options.connection.address))
    this.#owner.down(this.name, error)
    if (isFinal(error)) {
      this.#owner.gaveUp(this.name, error)
      return
    }
    this.#redialing = new Reconnector(this.#options.redial, {
      dial: () => this.#redial(),
      gaveUp: (last) => this.#owner.gaveUp(this.name, last),
      random: Math.random,
    })
    this.#redialing.start(error)
  }

  /** Tells of each try that fails; the loop goes on. */
  async #redial(): Promise<void> {
    try {
      await this.#dial()
    } catch (error) {
      if (!this.#stopped) this.#owner.down(this.name, asConnectError(error, this.name))
      throw error
    }
  }
}

/** A client that was closed without a reason was left by the server in good order. */
function ended({ connection }: InstanceOptions): ConnectionError {
  const message = `The session with ${formatAddress(connection.address)} has ended`
  return new ConnectionError('CONNECTION_LOST', message, { retryable: true, sent: false })
}
