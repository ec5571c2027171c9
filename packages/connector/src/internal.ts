// For the queue, which tells of its work in the same way.
export { errorLabel, listen, type TraceListener, trace } from './diagnostics.ts'
export * from './index.ts'
