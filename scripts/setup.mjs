import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findTarantool } from './find-tarantool.mjs'
import { olderThan } from './older-than.mjs'
import { runCommand } from './run-command.mjs'
import { runScript, SetupError } from './setup-error.mjs'

export const ROOT = fileURLToPath(new URL('..', import.meta.url))

const OLDEST_NODE = '20.19'
const PACKAGES = ['packages/connector', 'packages/queue']

/** Progress goes to stderr: a caller may print JSON on stdout. */
export const log = (line) => void process.stderr.write(`setup: ${line}\n`)

/**
 * Makes the repository ready to run: packages installed, built, a Tarantool found. Does only what is
 * missing, so it is quick the second time. Throws a SetupError where it cannot go on.
 *
 * @param {{ build?: boolean }} [options] `build: false` leaves the build to the caller
 * @returns {Promise<{ tarantool: { path: string, version: string } }>}
 */
export async function setup(options = {}) {
  checkNode()
  checkPlatform()
  const tarantool = await findTarantool(log)
  await install()
  if (options.build !== false) await build()
  return { tarantool }
}

function checkNode() {
  if (!olderThan(process.versions.node, OLDEST_NODE)) return
  throw new SetupError(`Node ${process.versions.node} is too old: ${OLDEST_NODE} or newer is needed.`)
}

function checkPlatform() {
  if (process.platform !== 'win32') return
  throw new SetupError('Tarantool has no Windows build, so this runs under WSL only (Debian or Ubuntu).')
}

/** Installs what the lock file pins, unless it is installed already. */
async function install() {
  const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const manifests = ['.', ...PACKAGES, 'bench', 'examples', 'docker/services'].map((folder) =>
    join(folder, 'package.json'),
  )
  const inputs = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests].map((file) => readFileSync(join(ROOT, file)))
  const wanted = digest([process.platform, process.arch, ...inputs])
  if (readStamp('install') === wanted) return

  log(`installing packages by ${packageManager}`)
  // Without a terminal pnpm would refuse to replace a node_modules that another package manager made.
  const args = ['--yes', packageManager, 'install', '--frozen-lockfile', '--config.confirmModulesPurge=false']
  const { code } = await runCommand('npx', args, {
    output: 'stderr',
    cwd: ROOT,
    env: { ...process.env, npm_config_update_notifier: 'false' },
  })
  if (code !== 0)
    throw new SetupError(`The packages could not be installed: npx ${args.join(' ')} failed with exit code ${code}.`)
  writeStamp('install', wanted)
}

/** Builds the packages, unless no source has changed since the last build. */
async function build() {
  const sources = PACKAGES.flatMap((folder) => listFiles(join(folder, 'src')))
  const inputs = [
    ...sources,
    'tsconfig.base.json',
    'tsconfig.json',
    ...PACKAGES.map((folder) => join(folder, 'tsconfig.json')),
  ]
  const wanted = digest(inputs.map((file) => `${file} ${statSync(join(ROOT, file)).mtimeMs}`))
  const built = PACKAGES.every((folder) => existsSync(join(ROOT, folder, 'dist/index.js')))
  if (built && readStamp('build') === wanted) return

  log('building')
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc')
  const { code } = await runCommand(process.execPath, [tsc, '-b'], { output: 'stderr', cwd: ROOT })
  if (code !== 0) throw new SetupError('The packages could not be built: see the compiler messages above.')
  writeStamp('build', wanted)
}

/**
 * @param {string} folder relative to the root
 * @returns {string[]} the files below it, relative to the root, in a stable order
 */
function listFiles(folder) {
  const entries = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length))
    .sort()
}

/** @param {readonly (string | Buffer)[]} parts */
function digest(parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex')
}

// Stamps live in node_modules: who deletes that folder gets a whole new set-up.
const stampFile = (name) => join(ROOT, 'node_modules/.tarantella', name)

function readStamp(name) {
  return existsSync(stampFile(name)) ? readFileSync(stampFile(name), 'utf8') : undefined
}

function writeStamp(name, value) {
  mkdirSync(join(ROOT, 'node_modules/.tarantella'), { recursive: true })
  writeFileSync(stampFile(name), value)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    const { tarantool } = await setup()
    log(`ready: Node ${process.versions.node}, Tarantool ${tarantool.version} (${tarantool.path})`)
    return 0
  })
}
