import { ConnectionError, type TarantellaError } from '../errors.ts'
import { Instance, type InstanceOptions, type InstanceOwner } from './instance.ts'
import { candidates, initialRoles, type Mode, type Role, type RoleEvent, type Roles, reduceRoles } from './roles.ts'
import type { Directory } from './router.ts'

/** Who hears of what becomes of the instances. */
export interface MembersOwner {
  /** Another instance may serve now, or one fewer. */
  changed(): void
  up(name: string): void
  down(name: string, error: TarantellaError): void
  role(name: string, role: Role | undefined): void
  /** No instance will be dialed any more. */
  ended(error: TarantellaError): void
}

/** The instances of a pool, and who of them serves what. */
export class Members implements InstanceOwner, Directory<Instance> {
  #byName: ReadonlyMap<string, Instance>
  readonly #owner: MembersOwner
  readonly #errors = new Map<string, TarantellaError>()
  readonly #lost = new Set<string>()
  #roles: Roles
  /** By mode; made when first asked for after a change. */
  #candidates = new Map<Mode, readonly Instance[]>()
  #turn = 0
  #onUsable: (() => void) | undefined
  #onHopeless: ((error: TarantellaError) => void) | undefined

  constructor(instances: readonly InstanceOptions[], owner: MembersOwner) {
    this.#byName = new Map(instances.map((options) => [options.name, new Instance(options, this)]))
    this.#roles = initialRoles([...this.#byName.keys()])
    this.#owner = owner
  }

  /** Changes who belongs to the pool. Resolves when those that left have answered what they were asked. */
  async set(instances: readonly InstanceOptions[]): Promise<void> {
    const before = this.#byName
    const byName = new Map(
      instances.map((options) => [options.name, before.get(options.name) ?? new Instance(options, this)]),
    )
    const left = [...before.values()].filter(({ name }) => !byName.has(name))
    this.#byName = byName
    for (const { name } of left) {
      this.#errors.delete(name)
      this.#lost.delete(name)
    }
    this.#apply({ type: 'listed', names: [...byName.keys()] })
    for (const instance of byName.values()) if (!before.has(instance.name)) instance.start()
    await Promise.all(left.map((instance) => instance.close()))
  }

  get roles(): Roles {
    return this.#roles
  }

  find(name: string): Instance | undefined {
    return this.#byName.get(name)
  }

  /** Dials all; resolves when one can be used, rejects when each has failed once. */
  start(): Promise<void> {
    const started = new Promise<void>((resolve, reject) => {
      this.#onUsable = resolve
      this.#onHopeless = reject
    })
    for (const instance of this.#byName.values()) instance.start()
    return started
  }

  pick(mode: Mode, tried: ReadonlySet<Instance> | undefined): Instance | undefined {
    const all = this.#candidatesFor(mode)
    const size = all.length
    const first = this.#turn++
    for (let i = 0; i < size; i++) {
      const instance = all[(first + i) % size]
      if (instance?.client !== undefined && tried?.has(instance) !== true) return instance
    }
    return undefined
  }

  refused({ name }: Instance, leaderUuid: string | undefined): void {
    this.#apply({ type: 'refused', name, leaderUuid })
    this.#byName.get(name)?.ask()
  }

  doubted(instance: Instance): void {
    instance.ask()
  }

  up(name: string, uuid: string): void {
    if (!this.#byName.has(name)) return
    this.#errors.delete(name)
    this.#apply({ type: 'up', name, uuid })
    this.#owner.up(name)
  }

  role(name: string, role: Role | undefined): void {
    this.#apply({ type: 'role', name, role })
    if (role !== undefined) this.#onUsable?.()
  }

  down(name: string, error: TarantellaError): void {
    if (!this.#byName.has(name)) return
    this.#errors.set(name, error)
    this.#apply({ type: 'down', name })
    this.#owner.down(name, error)
    if (this.#errors.size === this.#byName.size) this.#onHopeless?.(hopeless([...this.#errors.values()], error))
  }

  gaveUp(name: string, error: TarantellaError): void {
    if (!this.#byName.has(name)) return
    this.#lost.add(name)
    if (this.#lost.size === this.#byName.size) this.#owner.ended(hopeless([...this.#errors.values()], error))
  }

  async close(): Promise<void> {
    await Promise.all(Array.from(this.#byName.values(), (instance) => instance.close()))
  }

  destroy(error: unknown): void {
    for (const instance of this.#byName.values()) instance.destroy(error)
  }

  #candidatesFor(mode: Mode): readonly Instance[] {
    let found = this.#candidates.get(mode)
    if (found === undefined) {
      found = candidates(this.#roles, mode).flatMap((name) => this.#byName.get(name) ?? [])
      this.#candidates.set(mode, found)
    }
    return found
  }

  #apply(event: RoleEvent): void {
    const before = this.#roles
    this.#roles = reduceRoles(before, event)
    if (this.#roles === before) return
    this.#candidates.clear()
    for (const [name, { isUp, role }] of this.#roles) {
      // That an instance which is down has no role goes without saying.
      if (isUp && role !== before.get(name)?.role) this.#owner.role(name, role)
    }
    this.#owner.changed()
  }
}

function hopeless(errors: readonly TarantellaError[], first: TarantellaError): TarantellaError {
  const error = errors[0] ?? first
  const cause = new AggregateError(errors, errors.map(({ message }) => message).join('; '))
  const facts = { retryable: errors.some(({ retryable }) => retryable), sent: false, cause }
  // The codes of the connector's own errors are what a dial fails with.
  const code = error.code as ConnectionError['code']
  return new ConnectionError(code, `No instance of the pool can be used: ${cause.message}`, facts)
}
