export { type LimitCallsOptions, limitCalls } from './limit/limit-calls.ts'
export { Limiter, type LimiterOptions } from './limit/limiter.ts'
export type { Granted, LimitOptions, RateLimiter, Refused, Verdict, ZoneOptions } from './limit/rate-limiter.ts'
export { SharedLimiter, type SharedLimiterOptions } from './limit/shared-limiter.ts'
export {
  StaticLimiter,
  type StaticLimiterOptions,
  type StaticRequest,
  type StaticResource,
  type StaticResult,
  type StaticZone,
} from './limit/static-limiter.ts'
export { TooManyRequestsError } from './limit/too-many-requests-error.ts'
export { Zone, type ZoneInternals } from './limit/zone.ts'
export { type LimitTasksInternals, type LimitTasksOptions, limitTasks } from './worker/limit-tasks.ts'
