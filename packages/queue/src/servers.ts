export type { Baton } from './servers/baton.ts'
export type { MembersInternals, MembersOptions, ServerTarget } from './servers/members.ts'
export {
  type Placed,
  Placement,
  type PlacementOptions,
  type PlacementWorkOptions,
  type PutForOptions,
} from './servers/placement.ts'
export { type CallerPool, poolCaller } from './servers/pool-caller.ts'
export { Ring } from './servers/ring.ts'
export type {
  RingEvents,
  RingHandler,
  RingOptions,
  RingResult,
  RingStep,
  RingWorkOptions,
} from './servers/ring-options.ts'
