export { cron } from './schedule/cron.ts'
export type { Times } from './schedule/times.ts'
