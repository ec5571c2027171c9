export { overTarantoolQueue, type TarantoolQueueOptions } from './plain/over-tarantool-queue.ts'
