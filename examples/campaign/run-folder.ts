import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from './input-error.ts'

/** Ignored by git. */
const OWN_FOLDERS = fileURLToPath(new URL('../../.tarantella/', import.meta.url))

/** Where one run keeps the server's data: the user's folder, which stays, or one that goes when the run has gone well. */
export class RunFolder {
  readonly path: string
  #isKept: boolean

  private constructor(path: string, isKept: boolean) {
    this.path = path
    this.#isKept = isKept
  }

  /**
   * @param path the user's folder; it must be new or empty, for the tasks of another run would come back in this one
   * @throws InputError if it is not
   */
  static async open(path: string | undefined): Promise<RunFolder> {
    if (path === undefined) {
      await mkdir(OWN_FOLDERS, { recursive: true })
      return new RunFolder(await mkdtemp(join(OWN_FOLDERS, 'campaign-')), false)
    }
    if ((await listOrMake(path)).length > 0) throw new InputError(`--data-dir ${path} is not empty: name a new folder`)
    return new RunFolder(path, true)
  }

  /** Something has gone wrong: data and log stay. */
  keep(): void {
    this.#isKept = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isKept) await rm(this.path, { recursive: true, force: true })
  }
}

async function listOrMake(path: string): Promise<string[]> {
  try {
    await mkdir(path, { recursive: true })
    return await readdir(path)
  } catch (error) {
    throw new InputError(`--data-dir ${path} cannot be used: ${error instanceof Error ? error.message : String(error)}`)
  }
}
