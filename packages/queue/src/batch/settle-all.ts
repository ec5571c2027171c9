import { BatchError } from '../errors.ts'
import type { Outcomes } from './joiner.ts'

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

/** The results of all; throws what became of each if one has none. */
export function resultsOf<R>({ results, errors }: Outcomes<R>): R[] {
  if (errors.size > 0) {
    throw new BatchError(
      Array.from(
        results,
        (value, i): PromiseSettledResult<R> =>
          errors.has(i) ? { status: 'rejected', reason: errors.get(i) } : { status: 'fulfilled', value },
      ),
    )
  }
  return results
}
