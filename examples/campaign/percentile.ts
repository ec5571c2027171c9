/**
 * The nearest-rank percentile: the smallest value that `percent` per cent of the values do not exceed.
 *
 * @param ascending sorted values
 * @param percent above 0, up to 100
 * @returns 0 if there are no values
 */
export function percentile(ascending: readonly number[], percent: number): number {
  const rank = Math.ceil((percent / 100) * ascending.length)
  return ascending[Math.max(rank, 1) - 1] ?? 0
}
