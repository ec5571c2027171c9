export type {
  Admin,
  AlterOptions,
  BulkResult,
  FilterOptions,
  ListedState,
  ListOptions,
  MoveResult,
  Page,
  UpdateOptions,
  WaitingFilter,
} from './admin.ts'
export type { CreateTubeOptions, KeepOptions, Rate, TaskEventName, TubeType } from './create-tube-options.ts'
export type { HandleMessage, PutMessage, SettleMessage, TakeMessage, TaskHeaders } from './diagnostics.ts'
export { BatchError, QueueError, type QueueErrorCode, type ServerQueueErrorCode, UsageError } from './errors.ts'
export type { EventOptions, StreamedEvent } from './event-stream.ts'
export type { Flow, FlowChild } from './flow.ts'
export type { Backoff, PutOptions, QueueOptions, Serializer } from './options.ts'
export type { TubeOptions } from './payload/codec.ts'
export { PayloadError, type PayloadIssue } from './payload/payload-error.ts'
export type { PayloadSchema } from './payload/schema.ts'
export type { Caller, CallerEvent, CallOptions, Clock, ConnectTarget } from './ports.ts'
export { Queue, type QueueInternals, type TubeStatistics } from './queue.ts'
export {
  ScheduleKeeper,
  type ScheduleKeeperEvents,
  type ScheduleKeeperOptions,
} from './schedule/keeper.ts'
export { type ScheduleLocalOptions, scheduleLocal } from './schedule/schedule-local.ts'
export type { PeriodOptions, ScheduleOptions, Schedules, TimesOptions } from './schedule/schedules.ts'
export type { Times } from './schedule/times.ts'
export type { FailOptions, PeekedTask, ReleaseOptions, Task } from './task.ts'
export type { PutItem, TakeOptions, Tube } from './tube.ts'
export type { SessionRow, TaskRow, TubeRow, WaiterRow, WholeTask } from './wire/admin-shapes.ts'
export type { TaskEvent } from './wire/events.ts'
export type { RedriveOptions, TaskInfo, TaskOrigin } from './wire/failure.ts'
export type { ChildTask, FlowTask } from './wire/flows.ts'
export type { QueueHealth } from './wire/health.ts'
export type { PauseOptions, SetRateOptions } from './wire/rates.ts'
export type { TaskOutcome, TaskResult } from './wire/results.ts'
export type { CatchUp, Schedule, ScheduleState, ToppedUp } from './wire/schedules.ts'
export type { ItemResult } from './wire/server.ts'
export type { TubeWeights } from './wire/take-any.ts'
export type { PutStatus, TaskId, TaskState, TaskStatus } from './wire/task-tuple.ts'
export type { PageOptions, PublishedTask, Topic } from './wire/topics.ts'
export type { BatchContext } from './worker/batch.ts'
export type { BatchHandler, BatchOptions } from './worker/batches.ts'
export type { WorkerEvents } from './worker/events.ts'
export type { Handler, HandlerContext, RetryOptions, WorkerOptions } from './worker/options.ts'
export type { Outcome } from './worker/outcome.ts'
export type { RepeatOptions } from './worker/repeat.ts'
export type { CloseOptions } from './worker/shutdown.ts'
export type { Worker, WorkerState } from './worker/worker.ts'
export type { BatchWriterOptions, StoreCall, StoreFunction } from './writer/options.ts'
export { BatchWriter, type BatchWriterEvents, batchWriter } from './writer/writer.ts'
