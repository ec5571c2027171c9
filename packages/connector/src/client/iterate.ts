import { TarantellaError, UsageError } from '../errors.ts'
import { show } from '../options.ts'
import { checkKey, type KeyValue, type SpaceName } from './arguments.ts'
import { KeyPages } from './key-pages.ts'
import type { IterateOptions, SelectPage } from './request-options.ts'

const BATCH = 1000

/** So many tuples at most; an empty array at the end. */
type NextPage<T> = (limit: number) => Promise<{ readonly rows: readonly T[]; readonly isOver: boolean }>

/**
 * Tuples page by page: the next page is asked for when the last tuple of one has been taken. By positions where the
 * server has them, else by the keys of the index.
 */
export async function* iterate<T>(
  select: SelectPage,
  space: SpaceName,
  key: KeyValue | undefined,
  options: IterateOptions,
): AsyncGenerator<T, void, undefined> {
  const { batch = BATCH, limit = Number.POSITIVE_INFINITY } = options
  if (!Number.isSafeInteger(batch) || batch < 1) throw wrong('batch', 'an integer >= 1', batch)
  if (limit !== Number.POSITIVE_INFINITY && (!Number.isSafeInteger(limit) || limit < 0)) {
    throw wrong('limit', 'an integer >= 0', limit)
  }
  let next = pagesByPosition<T>(select, space, key, options)
  let hasPages = false
  for (let left = limit; left > 0; ) {
    try {
      const { rows, isOver } = await next(Math.min(batch, left))
      hasPages = true
      yield* rows
      if (isOver) return
      left -= rows.length
    } catch (error) {
      if (hasPages || !lacksPositions(error)) throw error
      hasPages = true
      next = await pagesByKey<T>(select, space, key, options)
    }
  }
}

function pagesByPosition<T>(
  select: SelectPage,
  space: SpaceName,
  key: KeyValue | undefined,
  { batch: _, limit: __, after, ...options }: IterateOptions,
): NextPage<T> {
  let position = after
  return async (limit) => {
    const rows = await select<T>(space, key, { ...options, limit, after: position, fetchPosition: true })
    position = rows.position
    return { rows, isOver: rows.length < limit || position === undefined }
  }
}

async function pagesByKey<T>(
  select: SelectPage,
  space: SpaceName,
  key: KeyValue | undefined,
  options: IterateOptions,
): Promise<NextPage<T>> {
  const pages = await KeyPages.open(select, space, checkKey(key ?? []), options)
  return async (limit) => {
    const rows = await pages.next<T>(limit)
    return { rows, isOver: pages.isOver }
  }
}

/** Iterators that no server below 3.2 has are refused with the same code, and for good. */
function lacksPositions(error: unknown): boolean {
  return error instanceof TarantellaError && error.code === 'UNSUPPORTED'
}

function wrong(argument: string, expected: string, got: unknown): UsageError {
  return new UsageError('INVALID_ARGUMENT', `Expected \`${argument}\` to be ${expected}, got ${show(got)}`)
}
