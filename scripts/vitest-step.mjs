import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { runCommand } from './run-command.mjs'
import { ROOT } from './setup.mjs'

/** Only to end a run that hangs: a whole one takes a minute or two. */
const TIMEOUT_MS = 480_000

/**
 * Runs one vitest project on the Node that runs this script.
 *
 * @param {'unit' | 'integration'} project
 * @param {string} tarantool the binary that the tests start
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runVitest(project, tarantool) {
  const folder = mkdtempSync(join(tmpdir(), 'tarantella-vitest-'))
  const countsFile = join(folder, 'counts.json')
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    `--reporter=${join(ROOT, 'scripts/vitest-count-reporter.mjs')}`,
  ]
  const { code } = await runCommand(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...args], {
    cwd: ROOT,
    timeoutMs: TIMEOUT_MS,
    env: { ...process.env, TARANTOOL_BIN: tarantool, VITEST_COUNTS_FILE: countsFile },
  })
  const counts = readCounts(countsFile)
  rmSync(folder, { recursive: true, force: true })
  // vitest may fail for a reason that no test carries, such as a coverage threshold or no test at all.
  if (code !== 0 && counts.failed === 0) counts.failed = 1
  return counts
}

/** @param {string} file */
function readCounts(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    // vitest ended before the reporter could write: a crash is one failure.
    return { passed: 0, failed: 1, skipped: 0 }
  }
}
