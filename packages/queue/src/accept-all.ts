import { Task } from './task.ts'

/** All tasks of a take; if the payload of one cannot be used, the others are given back. */
export async function acceptAll<T>(accepted: readonly (Task<T> | Promise<Task<T>>)[]): Promise<Task<T>[]> {
  const ready = accepted.filter((task) => task instanceof Task)
  if (ready.length === accepted.length) return ready
  const results = await Promise.allSettled(accepted.map((task) => Promise.resolve(task)))
  const failed = results.find((result) => result.status === 'rejected')
  const tasks = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  if (failed === undefined) return tasks
  await Promise.allSettled(tasks.map((task) => task.release()))
  throw failed.reason
}
