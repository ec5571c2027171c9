/** An exit in order, where a signal would pass exit listeners by: the servers that were started end with the process. */
export function exitOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
}
