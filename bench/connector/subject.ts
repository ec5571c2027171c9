import type { Operation } from './operations.ts'

/** Somebody who can send the requests. */
export interface Subject extends AsyncDisposable {
  readonly name: string
  /** Sends one of each kind and checks its reply. */
  verify(): Promise<void>
  /** Sends so many requests, keeping `inFlight` of them under way, and returns with the last reply. */
  run(operation: Operation, inFlight: number, requests: number): Promise<void>
}

/** A promise-based client: what it gives for each operation, with `i` counting the requests. */
export type Requests = Readonly<Record<Operation, (i: number) => Promise<unknown>>>
