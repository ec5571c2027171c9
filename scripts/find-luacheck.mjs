import { apt, canInstall, installPackage } from './apt.mjs'
import { outputOf } from './run-command.mjs'
import { SetupError } from './setup-error.mjs'

/**
 * Makes sure that `luacheck` is on PATH, by Debian's package where it can. Only the tests need it.
 *
 * @param {(line: string) => void} log
 */
export async function findLuacheck(log) {
  if ((await outputOf('luacheck', ['--version'])) !== undefined) return
  if (await canInstall()) {
    log('installing luacheck by apt-get')
    if (await installPackage('lua-check')) return
  }
  throw new SetupError(
    `There is no luacheck on your PATH. ${apt ? 'Install it: sudo apt-get install lua-check' : 'Install it: brew install luacheck, or luarocks install luacheck'}`,
  )
}
