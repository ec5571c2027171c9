import { Service } from '../server/service.ts'
import type { WorkerConfig } from './messages.ts'

/** The worker processes. */
export class Staff implements AsyncDisposable {
  readonly #workers: Service[] = []

  add(name: string, config: WorkerConfig): void {
    this.#workers.push(new Service(name, new URL('worker.ts', import.meta.url), [JSON.stringify(config)]))
  }

  async ready(): Promise<void> {
    for (const worker of this.#workers) await worker.line(/^ready/)
  }

  /** Resolves when the first one has stored half of the children of a range, and goes no further. */
  async midSplit(): Promise<void> {
    await this.#workers[0]?.line(/mid-split/)
  }

  async killFirst(): Promise<void> {
    await this.#workers[0]?.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()))
  }
}
