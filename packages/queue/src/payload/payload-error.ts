import { QueueError } from '../errors.ts'
import type { TaskId } from '../wire/task-tuple.ts'

/** One thing that a schema found wrong. */
export interface PayloadIssue {
  readonly message: string
  /** Keys from the payload down to the place, joined by dots; empty for the payload itself. */
  readonly path: string
}

export interface PayloadFacts {
  readonly tube: string
  /** Of a task that was taken or looked at; absent for a put, of which nothing was sent. */
  readonly id?: TaskId | undefined
  readonly issues?: readonly PayloadIssue[]
  readonly cause?: unknown
}

/**
 * A payload cannot be used: `PAYLOAD_INVALID`, it is not as the tube's schema says; `UNKNOWN_SERIALIZER`, this
 * client does not have the serializer it was put with; `PAYLOAD_UNREADABLE`, that serializer threw. A task
 * that was taken is kept, see TubeOptions.undecodable.
 */
export class PayloadError extends QueueError {
  readonly tube: string
  readonly id: TaskId | undefined
  readonly issues: readonly PayloadIssue[]

  constructor(
    code: 'PAYLOAD_INVALID' | 'PAYLOAD_UNREADABLE' | 'UNKNOWN_SERIALIZER',
    message: string,
    { tube, id, issues = [], cause }: PayloadFacts,
  ) {
    super(code, message, { cause, sent: false, retryable: false })
    this.tube = tube
    this.id = id
    this.issues = issues
  }
}
