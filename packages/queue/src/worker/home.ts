import type { TaskHome } from '../task.ts'
import type { TaskInfo } from '../wire/failure.ts'
import type { Delivery, TaskId } from '../wire/task-tuple.ts'
import type { AsideWay } from './failing.ts'

/** What a worker needs of its tube. */
export interface WorkerHome extends TaskHome {
  /** A delivery's payload, a promise where that takes time. Throws what is wrong with it. */
  read(delivery: Delivery): unknown
  /** What becomes of a task whose payload cannot be used. */
  readonly undecodable: AsideWay
  info(id: TaskId): Promise<TaskInfo>
}
