import type { TaskInfo } from '../wire/failure.ts'
import type { TaskId } from '../wire/task-tuple.ts'
import { type FailureDecision, isMissing } from './failing.ts'
import type { RetryPolicy } from './options.ts'
import { decideRetry } from './retry-policy.ts'

const BY_POLICY: FailureDecision = Object.freeze({ action: 'policy' })

/** Decides about failed tasks: by the server's policy where the tube has one, and else by the worker's. */
export class Retry {
  readonly #policy: RetryPolicy
  readonly #info: (id: TaskId) => Promise<TaskInfo>
  /** Whether the server decides; `undefined` until somebody has asked. */
  #isServers: Promise<boolean> | boolean | undefined

  /** `by`: `tube`, the server; `worker`, the policy; `unknown`, the server if the first failed task has a policy. */
  constructor(by: 'tube' | 'worker' | 'unknown', policy: RetryPolicy, info: (id: TaskId) => Promise<TaskInfo>) {
    this.#policy = policy
    this.#info = info
    this.#isServers = by === 'unknown' ? undefined : by === 'tube'
  }

  /** After try number `attempt` (1 for the first). Never rejects. */
  async decide(id: TaskId, attempt: number): Promise<FailureDecision> {
    this.#isServers ??= this.#ask(id)
    if (await this.#isServers) return BY_POLICY
    return decideRetry(this.#policy, attempt, Math.random())
  }

  async #ask(id: TaskId): Promise<boolean> {
    try {
      const { maxAttempts, backoff } = await this.#info(id)
      return maxAttempts !== undefined || backoff !== undefined
    } catch (error) {
      // Of a task that is gone, or a connection: the next failure asks again, and this one goes by the worker's policy.
      if (!isMissing(error)) this.#isServers = undefined
      return false
    }
  }
}
