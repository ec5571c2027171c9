import { type Client, ops, TarantellaError } from '@tarantella/connector'

/** A row of the space `profiles`, without its version. */
export interface Profile {
  readonly id: number
  readonly name: string
  readonly active: boolean
  readonly tags: Readonly<Record<string, true>>
}

/** A profile as it was read. */
export interface Versioned extends Profile {
  readonly version: number
}

type Row = [id: number, version: number, name: string, active: boolean, tags: Record<string, true>]

/** Somebody else has changed the profile since it was read. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError'
  readonly mine: Versioned
  /** As it is now; undefined if it is gone. */
  readonly theirs: Versioned | undefined

  constructor(mine: Versioned, theirs: Versioned | undefined) {
    super(`profile ${mine.id} is not at version ${mine.version} any more`)
    this.mine = mine
    this.theirs = theirs
  }
}

/** Makes one profile out of two that were written from the same version. */
export type Resolver = (mine: Versioned, theirs: Versioned) => Profile

/** So often a write is resolved again: each time somebody else was quicker, so all of them together do get on. */
const MAX_CONFLICTS = 1_000

/** Profiles that no writer overwrites without having seen them. */
export class Profiles {
  readonly #tnt: Client

  constructor(tnt: Client) {
    this.#tnt = tnt
  }

  async create({ id, name, active, tags }: Profile): Promise<Versioned> {
    return fromRow(await this.#tnt.insert<Row>('profiles', [id, 1, name, active, tags]))
  }

  async get(id: number): Promise<Versioned | undefined> {
    const row = await this.#tnt.get<Row>('profiles', id)
    return row && fromRow(row)
  }

  /**
   * Writes a profile if it still has the version that it was read with. One request: the key of the index
   * `version` names the version, so a row that has another one is not found, and nothing is changed.
   *
   * @throws ConflictError if it has not
   */
  async save(mine: Versioned): Promise<Versioned> {
    const { id, version, name, active, tags } = mine
    const changes = [ops.set('name', name), ops.set('active', active), ops.set('tags', tags), ops.add('version', 1)]
    const row = await this.#tnt.update<Row>('profiles', [id, version], changes, { index: 'version' })
    if (row === undefined) throw new ConflictError(mine, await this.get(id))
    return fromRow(row)
  }

  /** Writes a profile, and where somebody else was quicker, what the resolver makes of both. */
  async saveResolved(mine: Versioned, resolver: Resolver): Promise<Versioned> {
    let next = mine
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      try {
        return await this.save(next)
      } catch (error) {
        if (!(error instanceof ConflictError) || error.theirs === undefined) throw error
        next = { ...resolver(mine, error.theirs), id: mine.id, version: error.theirs.version }
      }
    }
    throw new ConflictError(next, await this.get(mine.id))
  }

  /** A member of the set comes or goes by its own update: no version is needed, for such updates do not disturb each other. */
  async addTag(id: number, tag: string): Promise<void> {
    await this.#tnt.update('profiles', id, [ops.set(pathOf(tag), true)])
  }

  async removeTag(id: number, tag: string): Promise<void> {
    try {
      await this.#tnt.update('profiles', id, [ops.deleteFields(pathOf(tag))])
    } catch (error) {
      // It was not there, so it is as wanted.
      if (!(error instanceof TarantellaError) || error.code !== 'ER_NO_SUCH_FIELD_NAME') throw error
    }
  }
}

function fromRow([id, version, name, active, tags]: Row): Versioned {
  return { id, version, name, active, tags }
}

/** A JSON path into the map. */
function pathOf(tag: string): string {
  if (!/^\w+$/.test(tag)) throw new TypeError(`Expected a tag to be letters and digits, got ${JSON.stringify(tag)}`)
  return `tags['${tag}']`
}
