import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A server that was killed a moment ago may still hold its files. */
const REMOVAL = { recursive: true, force: true, maxRetries: 5 } as const

/** Goes when it is disposed of, and with the process. */
export class TemporaryFolder implements AsyncDisposable {
  readonly path: string

  private constructor(path: string) {
    this.path = path
    process.on('exit', this.#removeNow)
  }

  static async make(): Promise<TemporaryFolder> {
    return new TemporaryFolder(await mkdtemp(join(tmpdir(), 'tarantella-example-')))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#removeNow)
    await rm(this.path, REMOVAL)
  }

  readonly #removeNow = (): void => rmSync(this.path, REMOVAL)
}
