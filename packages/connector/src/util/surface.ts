/**
 * Lets an error of a user's callback surface as an uncaught one, out of the way of whoever has called it: what
 * it stands in the middle of must go on.
 */
export function surface(error: unknown): void {
  queueMicrotask(() => {
    throw error
  })
}
