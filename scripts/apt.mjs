import { existsSync } from 'node:fs'
import { outputOf, runCommand } from './run-command.mjs'

/** Whether this system has apt-get (Debian, Ubuntu and their kin). */
export const apt = process.platform === 'linux' && existsSync('/usr/bin/apt-get')

/** Whether packages can be installed without asking anybody: as root, or by a sudo that needs no password. */
export async function canInstall() {
  return apt && (isRoot() || (await outputOf('sudo', ['-n', 'true'])) !== undefined)
}

/**
 * Installs a package; call it only after {@link canInstall}. Its output goes to stderr.
 *
 * @param {string} name
 * @returns {Promise<boolean>} whether apt-get succeeded
 */
export async function installPackage(name) {
  // A fresh image has no package lists, an old machine has stale ones: a first failure is answered by an update.
  if (await aptGet('install', '--yes', '--no-install-recommends', name)) return true
  return (await aptGet('update')) && (await aptGet('install', '--yes', '--no-install-recommends', name))
}

/** @param {...string} args */
async function aptGet(...args) {
  const command = ['DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-o', 'DPkg::Lock::Timeout=300', ...args]
  const options = { output: /** @type {const} */ ('stderr') }
  const { code } = isRoot()
    ? await runCommand('env', command, options)
    : await runCommand('sudo', ['-n', 'env', ...command], options)
  return code === 0
}

function isRoot() {
  return process.getuid?.() === 0
}
