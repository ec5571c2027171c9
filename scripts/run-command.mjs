import { spawn } from 'node:child_process'

/** Where the child's standard output goes: `stderr` keeps ours clean for a caller that prints JSON there. */
const STDIO = {
  inherit: ['ignore', 'inherit', 'inherit'],
  stderr: ['ignore', process.stderr, 'inherit'],
  capture: ['ignore', 'pipe', 'pipe'],
}

/**
 * Runs a command to its end. Rejects only if it could not be started at all.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ output?: 'inherit' | 'stderr' | 'capture', cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number }} [options]
 *   `output` is `inherit` by default; a child that outlives `timeoutMs` (default: none) is killed and counts as failed
 * @returns {Promise<{ code: number, text: string }>} `code` is 128 + signal number, or 1, for a killed child;
 *   `text` is what it printed on both streams, empty unless captured
 */
export function runCommand(command, args, options = {}) {
  const { output = 'inherit', cwd, env, timeoutMs } = options
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: /** @type {any} */ (STDIO[output]) })
    // Not spawn's own `timeout`: that timer outlives a command that does not exist.
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), timeoutMs)
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    child.stderr?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: exitCodeOf(code, signal), text })
    })
  })
}

/**
 * Hands the terminal and our signals to a command, and resolves to its exit code.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<number>}
 */
export function runForeground(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: 'inherit' })
    // A terminal sends its Ctrl-C to the child as well: forwarding it there would look like a second,
    // impatient one. We only have to survive it until the child has cleaned up.
    const forward = (signal) => {
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    }
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
    for (const signal of signals) process.on(signal, forward)
    const settle = (done) => {
      for (const signal of signals) process.off(signal, forward)
      done()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('close', (code, signal) => settle(() => resolve(exitCodeOf(code, signal))))
  })
}

/** As shells have it: 128 + the number of the signal that ended the child. */
function exitCodeOf(code, signal) {
  const numbers = { SIGHUP: 129, SIGINT: 130, SIGKILL: 137, SIGTERM: 143 }
  return code ?? numbers[signal] ?? 1
}

/**
 * What a command printed, or undefined if it does not exist, fails, or takes more than ten seconds.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string | undefined>}
 */
export async function outputOf(command, args) {
  try {
    const { code, text } = await runCommand(command, args, { output: 'capture', timeoutMs: 10_000 })
    return code === 0 ? text : undefined
  } catch {
    // Not startable (ENOENT, EACCES, wrong architecture) is the answer, not a fault.
    return undefined
  }
}
