/**
 * Aborts when the process is asked to stop: SIGTERM (docker stop) or SIGINT (Ctrl-C). A second
 * signal finds no listener and ends the process at once.
 *
 * @returns {AbortSignal}
 */
export function stopSignal() {
  const controller = new AbortController()
  const stop = () => {
    process.off('SIGTERM', stop)
    process.off('SIGINT', stop)
    controller.abort()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return controller.signal
}
