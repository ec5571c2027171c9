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

  /** The first one, when it says that it is there. */
  async killInMidSplit(): Promise<void> {
    const [first] = this.#workers
    await first?.line(/mid-split/)
    await first?.kill()
    console.log('a worker is killed (SIGKILL), with half of the children of a range stored')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]()))
  }
}
