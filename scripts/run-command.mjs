import { spawn } from 'node:child_process'

/** Those that end us, and so our child. */
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])

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
 *   `output` is `inherit` by default; after `timeoutMs` (default: never) the command and all that it started are
 *   killed, and it counts as failed
 * @returns {Promise<{ code: number, text: string }>} `code` is 128 + signal number, or 1, for a killed child;
 *   `text` is what it printed on both streams, empty unless captured
 */
export function runCommand(command, args, options = {}) {
  const { output = 'inherit', cwd, env, timeoutMs } = options
  return new Promise((resolve, reject) => {
    // A group of its own, for a child that hangs has children that hang with it.
    const detached = timeoutMs !== undefined
    const child = spawn(command, args, { cwd, env, detached, stdio: /** @type {any} */ (STDIO[output]) })
    const release = detached ? limitGroup(child, timeoutMs) : () => {}
    let text = ''
    child.stdout?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    child.stderr?.setEncoding('utf8').on('data', (chunk) => (text += chunk))
    child.once('error', (error) => {
      release()
      reject(error)
    })
    child.once('close', (code, signal) => {
      release()
      resolve({ code: exitCodeOf(code, signal), text })
    })
  })
}

/**
 * Kills a child's process group when its time is up, and when we are told to end: the terminal's
 * Ctrl-C reaches our own group only.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {number} timeoutMs
 * @returns {() => void} ends the watch
 */
function limitGroup(child, timeoutMs) {
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(() => {
    process.stderr.write(`${child.spawnargs.join(' ')}\nwas killed: it took more than ${timeoutMs / 1000} s\n`)
    kill()
  }, timeoutMs)
  /** @param {NodeJS.Signals} signal */
  const end = (signal) => {
    kill()
    process.exit(exitCodeOf(null, signal))
  }
  for (const signal of SIGNALS) process.on(signal, end)
  return () => {
    clearTimeout(timer)
    for (const signal of SIGNALS) process.off(signal, end)
  }
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
    for (const signal of SIGNALS) process.on(signal, forward)
    const settle = (done) => {
      for (const signal of SIGNALS) process.off(signal, forward)
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
