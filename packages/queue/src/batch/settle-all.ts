import { BatchError } from '../errors.ts'

/** Waits for all; resolves with all values or rejects with what became of each. */
export async function settleAll<R>(promises: readonly Promise<R>[]): Promise<R[]> {
  const results = await Promise.allSettled(promises)
  const values: R[] = []
  for (const result of results) {
    if (result.status === 'rejected') throw new BatchError(results)
    values.push(result.value)
  }
  return values
}
