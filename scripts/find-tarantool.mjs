import { resolve } from 'node:path'
import { apt, canInstall, installPackage } from './apt.mjs'
import { olderThan } from './older-than.mjs'
import { outputOf } from './run-command.mjs'
import { SetupError } from './setup-error.mjs'

/** The oldest server that the queue runs on. */
const OLDEST = '2.6'

const ADVICE = {
  darwin: 'On macOS: brew install tarantool',
  win32: 'Tarantool has no Windows build: run this under WSL (Debian or Ubuntu), where it is installed for you',
  debian: 'On Debian or Ubuntu: sudo apt-get install tarantool',
  other: 'See https://www.tarantool.io/en/download/ for packages and archives of your system',
}

/**
 * Finds a Tarantool to run: `TARANTOOL_BIN`, then `tarantool` on PATH, then Debian's package, which is
 * installed if the rights are there. Throws a SetupError that says what to do where all three fail.
 *
 * @param {(line: string) => void} log
 * @returns {Promise<{ path: string, version: string }>}
 */
export async function findTarantool(log) {
  const named = process.env.TARANTOOL_BIN
  // Whoever starts it may have another current folder.
  if (named) return checked(named.includes('/') ? resolve(named) : named, `TARANTOOL_BIN=${named}`)
  if ((await outputOf('tarantool', ['--version'])) !== undefined)
    return checked('tarantool', 'The tarantool on your PATH')
  if (!(await canInstall())) throw new SetupError(missing('There is no tarantool on your PATH.'))

  log('installing Tarantool by apt-get')
  // Debian's package enables its service, but no instance: nothing runs or listens after the installation.
  const isInstalled = await installPackage('tarantool')
  if (!isInstalled)
    throw new SetupError(missing('apt-get could not install the package tarantool (its output is above).'))
  return checked('tarantool', 'The tarantool that apt-get installed')
}

/**
 * @param {string} path
 * @param {string} subject begins the sentence of an error
 */
async function checked(path, subject) {
  const printed = await outputOf(path, ['--version'])
  if (printed === undefined) throw new SetupError(missing(`${subject} cannot be run.`))
  const version = /^Tarantool (?:Enterprise )?(\d+\.\d+\S*)/m.exec(printed)?.[1]
  if (version === undefined) throw new SetupError(missing(`${subject} is not a Tarantool.`))
  if (olderThan(version, OLDEST)) throw new SetupError(missing(`${subject} is ${version}, which is too old.`))
  return { path, version }
}

/** @param {string} what */
function missing(what) {
  const platform = process.platform === 'linux' ? (apt ? 'debian' : 'other') : process.platform
  return [
    what,
    `Tarantool ${OLDEST} or newer is needed.`,
    `  ${ADVICE[platform] ?? ADVICE.other}`,
    ...(ADVICE[platform] && platform !== 'other' ? [`  Otherwise: ${ADVICE.other}`] : []),
    '  If you have one elsewhere: TARANTOOL_BIN=/path/to/tarantool npm test',
  ].join('\n')
}
