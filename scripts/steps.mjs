import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { findLuacheck } from './find-luacheck.mjs'
import { runLuaTests } from './lua-tests.mjs'
import { runCommand } from './run-command.mjs'
import { log, ROOT } from './setup.mjs'
import { runVitest } from './vitest-step.mjs'

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {{ name: string, group: 'build' | 'lint' | 'test', run: (tarantool: string) => Promise<Counts> }} Step
 */

/** Folders of code that others import or run; `dist` is left out. */
const CODE = [
  ...['connector', 'queue'].flatMap((name) => [`packages/${name}/src`, `packages/${name}/test`]),
  'test',
  'bench',
  'examples',
  'docker',
  'scripts',
]

/** What `npm test` does, in this order. A step of a tool counts as one test, a step of tests as its tests. */
export const STEPS = /** @type {Step[]} */ ([
  { name: 'compile', group: 'build', run: node('typescript/bin/tsc', '-b') },
  {
    name: 'types',
    group: 'build',
    run: all(node('typescript/bin/tsc', '-p', 'tsconfig.check.json'), node('typescript/bin/tsc', '-p', 'scripts')),
  },
  { name: 'eslint', group: 'lint', run: node('eslint/bin/eslint.js', '--max-warnings=0', '.') },
  { name: 'biome', group: 'lint', run: node('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.') },
  { name: 'layers', group: 'lint', run: node('dependency-cruiser/bin/dependency-cruise.mjs', ...CODE) },
  { name: 'knip', group: 'lint', run: node('knip/bin/knip.js') },
  { name: 'api docs', group: 'lint', run: node('typedoc/bin/typedoc', '--emit', 'none') },
  { name: 'publint', group: 'lint', run: all(publint('packages/connector'), publint('packages/queue')) },
  { name: 'luacheck', group: 'lint', run: luacheck },
  { name: 'unit', group: 'test', run: (tarantool) => runVitest('unit', tarantool) },
  { name: 'lua', group: 'test', run: runLuaTests },
  { name: 'integration', group: 'test', run: (tarantool) => runVitest('integration', tarantool) },
])

/**
 * @param {string} script below node_modules
 * @param {...string} args
 */
function node(script, ...args) {
  return () => tool(process.execPath, join(ROOT, 'node_modules', script), ...args)
}

/** Packs without pnpm, which would have to be on PATH; what is packed is the same. */
function publint(folder) {
  return node('publint/src/cli.js', 'run', folder, '--pack', 'npm', '--strict')
}

async function luacheck() {
  await findLuacheck(log)
  // Not examples itself: luacheck would walk through the packages that are installed there.
  const examples = readdirSync(join(ROOT, 'examples'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .map(({ name }) => `examples/${name}`)
  return tool('luacheck', '--quiet', 'tarantool', 'docker', ...examples)
}

/** @param {...(() => Promise<Counts>)} runs one step that takes several runs of a tool, and stops at the first that fails */
function all(...runs) {
  return async () => {
    for (const run of runs) {
      const counts = await run()
      if (counts.failed > 0) return counts
    }
    return { passed: 1, failed: 0, skipped: 0 }
  }
}

/**
 * @param {string} command
 * @param {...string} args
 * @returns {Promise<Counts>}
 */
async function tool(command, ...args) {
  // publint packs by npm, which would ask the registry whether npm itself is up to date.
  const env = { ...process.env, npm_config_update_notifier: 'false' }
  const { code } = await runCommand(command, args, { cwd: ROOT, env })
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0 }
}
