import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.mjs'
import { ROOT } from './setup.mjs'
import { countTap } from './tap.mjs'

const TESTS = join(ROOT, 'tarantool/test')
const FILE_TIMEOUT_MS = 120_000

/**
 * Runs every tarantool/test/*.t, each in an empty folder of its own, for a Tarantool writes its files
 * into the current one. The whole output of a file that fails is printed.
 *
 * @param {string} tarantool the binary
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runLuaTests(tarantool) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const file of readdirSync(TESTS)
    .filter((name) => name.endsWith('.t'))
    .sort()) {
    const counts = await runLuaTest(tarantool, file)
    for (const key of Object.keys(total)) total[key] += counts[key]
  }
  // Nothing found means that the tests have moved, not that they pass.
  if (total.passed + total.failed + total.skipped === 0) total.failed = 1
  return total
}

/**
 * @param {string} tarantool
 * @param {string} file
 */
async function runLuaTest(tarantool, file) {
  const folder = mkdtempSync(join(tmpdir(), 'tarantella-lua-'))
  const env = {
    ...process.env,
    LUA_PATH: `${ROOT}tarantool/?.lua;${ROOT}tarantool/?/init.lua;;`,
    TARANTOOL_BIN: tarantool,
  }
  const options = { output: /** @type {const} */ ('capture'), cwd: folder, env, timeoutMs: FILE_TIMEOUT_MS }
  const { code, text } = await runCommand(tarantool, [join(TESTS, file)], options)
  rmSync(folder, { recursive: true, force: true })

  const counts = countTap(text)
  // A script that fails after its last test (a crash at exit, say) has not passed.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  process.stdout.write(
    `${counts.failed > 0 ? 'FAIL' : 'ok  '} ${file}: ${counts.passed} passed, ${counts.failed} failed${skipped}\n`,
  )
  if (counts.failed > 0) process.stdout.write(`${text}\n${file}: exit code ${code}\n`)
  return counts
}
