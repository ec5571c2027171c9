import { PGlite } from '@electric-sql/pglite'
import postgres from 'postgres'
import type { PostedRecord } from './record.ts'

/** A PostgreSQL that the example can take away for a while. */
export interface Database extends AsyncDisposable {
  /** Rows of the answer. Rejects while the database is down. */
  query(sql: string, parameters?: readonly string[]): Promise<readonly unknown[]>
  goDown(): Promise<void>
  comeUp(): Promise<void>
}

/** PostgreSQL inside of this process, with its files in a folder. */
export class EmbeddedDatabase implements Database {
  readonly #folder: string
  #open: PGlite | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  async query(sql: string, parameters: readonly string[] = []): Promise<readonly unknown[]> {
    if (this.#open === undefined) throw new Error('the database is down')
    const { rows } = await this.#open.query(sql, [...parameters])
    return rows
  }

  async goDown(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.close()
  }

  async comeUp(): Promise<void> {
    this.#open = await PGlite.create(this.#folder)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown()
  }
}

/** A PostgreSQL server. It stays up; what goes down are our connections, and we make no others for a while. */
export class RemoteDatabase implements Database {
  readonly #url: string
  #open: postgres.Sql | undefined

  constructor(url: string) {
    this.#url = url
  }

  async query(sql: string, parameters: readonly string[] = []): Promise<readonly unknown[]> {
    if (this.#open === undefined) throw new Error('the database is down')
    return await this.#open.unsafe(sql, [...parameters])
  }

  async goDown(): Promise<void> {
    const open = this.#open
    this.#open = undefined
    await open?.end({ timeout: 0 })
  }

  comeUp(): Promise<void> {
    this.#open = postgres(this.#url, { onnotice: () => undefined })
    return Promise.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.goDown()
  }
}

const TABLE = 'tarantella_example_records'

/** An empty table. */
export async function makeTable(database: Database): Promise<void> {
  await database.query(`DROP TABLE IF EXISTS ${TABLE}`)
  await database.query(`CREATE TABLE ${TABLE} (id text PRIMARY KEY, body text NOT NULL)`)
}

/** One statement for all of them, so all or none are stored; those that are there stay as they are. */
export async function insert(database: Database, records: readonly PostedRecord[]): Promise<void> {
  await database.query(
    `INSERT INTO ${TABLE} (id, body)
     SELECT id, text FROM jsonb_to_recordset($1::text::jsonb) AS record (id text, text text)
     ON CONFLICT (id) DO NOTHING`,
    [JSON.stringify(records)],
  )
}

export async function storedIds(database: Database): Promise<string[]> {
  const rows = await database.query(`SELECT id FROM ${TABLE} ORDER BY id COLLATE "C"`)
  return rows.map((row) => {
    if (typeof row !== 'object' || row === null || !('id' in row)) throw new Error('a row has no id')
    return String(row.id)
  })
}
