import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A file of a made-up repository, what it imports, and the rules that this breaks. */
interface Case {
  readonly file: string
  readonly imports: readonly string[]
  readonly broken: readonly string[]
}

const CONNECTOR = 'packages/connector/src'
const QUEUE = 'packages/queue/src'

const CASES: readonly Case[] = [
  { file: `${CONNECTOR}/errors.ts`, imports: ['./util/clock.ts'], broken: ['errors-import-nothing'] },
  { file: `${CONNECTOR}/util/clock.ts`, imports: [], broken: [] },
  { file: `${CONNECTOR}/util/up.ts`, imports: ['../msgpack/encode.ts'], broken: ['connector-util-below-the-rest'] },
  { file: `${CONNECTOR}/msgpack/encode.ts`, imports: ['../util/clock.ts', '../errors.ts'], broken: [] },
  {
    file: `${CONNECTOR}/msgpack/up.ts`,
    imports: ['../protocol/header.ts'],
    broken: ['connector-msgpack-below-the-rest'],
  },
  { file: `${CONNECTOR}/msgpack/timers.ts`, imports: ['node:timers'], broken: ['codec-does-no-io'] },
  { file: `${CONNECTOR}/msgpack/events.ts`, imports: ['events'], broken: ['codec-does-no-io'] },
  { file: `${CONNECTOR}/protocol/header.ts`, imports: ['../msgpack/encode.ts', 'node:crypto'], broken: [] },
  { file: `${CONNECTOR}/protocol/io.ts`, imports: ['node:net'], broken: ['codec-does-no-io', 'sockets-in-one-file'] },
  {
    file: `${CONNECTOR}/protocol/up.ts`,
    imports: ['../transport/socket.ts'],
    broken: ['connector-protocol-below-the-rest'],
  },
  { file: `${CONNECTOR}/transport/socket.ts`, imports: ['node:net', 'node:tls'], broken: [] },
  { file: `${CONNECTOR}/transport/other.ts`, imports: ['node:tls'], broken: ['sockets-in-one-file'] },
  {
    file: `${CONNECTOR}/transport/up.ts`,
    imports: ['../connection/connection.ts'],
    broken: ['connector-transport-below-the-rest'],
  },
  { file: `${CONNECTOR}/connection/connection.ts`, imports: ['../transport/socket.ts'], broken: [] },
  {
    file: `${CONNECTOR}/connection/up.ts`,
    imports: ['../client/client.ts'],
    broken: ['connector-connection-below-the-rest'],
  },
  { file: `${CONNECTOR}/client/client.ts`, imports: ['../connection/connection.ts'], broken: [] },
  { file: `${CONNECTOR}/client/index-user.ts`, imports: ['../index.ts'], broken: ['nobody-imports-its-own-index'] },
  { file: `${CONNECTOR}/client/test-user.ts`, imports: ['../../test/peer.ts'], broken: ['no-test-code-in-packages'] },
  { file: `${CONNECTOR}/client/dev-user.ts`, imports: ['left-dev'], broken: ['no-undeclared-dependency'] },
  { file: `${CONNECTOR}/client/peer-user.ts`, imports: ['left-peer'], broken: ['peers-in-sub-paths-alone'] },
  { file: `${CONNECTOR}/prometheus.ts`, imports: ['left-peer'], broken: [] },
  { file: `${CONNECTOR}/client/lost.ts`, imports: ['./nowhere.ts'], broken: ['no-unresolvable'] },
  {
    file: `${CONNECTOR}/client/queue-user.ts`,
    imports: ['../../../queue/src/wire/names.ts'],
    broken: ['connector-does-not-know-the-queue'],
  },
  { file: `${CONNECTOR}/client/cycle-a.ts`, imports: ['./cycle-b.ts'], broken: ['no-cycle'] },
  // A cycle is reported once, for the file that closes it.
  { file: `${CONNECTOR}/client/cycle-b.ts`, imports: ['./cycle-a.ts'], broken: [] },
  { file: `${CONNECTOR}/options.ts`, imports: ['./client/client.ts'], broken: ['foundation-imports-no-layer'] },
  { file: `${CONNECTOR}/index.ts`, imports: ['./client/client.ts'], broken: [] },
  { file: `${CONNECTOR}/internal.ts`, imports: ['./index.ts'], broken: [] },
  { file: 'packages/connector/test/peer.ts', imports: ['../src/client/client.ts'], broken: [] },
  { file: `${QUEUE}/ports.ts`, imports: ['@tarantella/connector'], broken: [] },
  { file: `${QUEUE}/wire/names.ts`, imports: ['../ports.ts'], broken: [] },
  {
    file: `${QUEUE}/wire/direct.ts`,
    imports: ['@tarantella/connector'],
    broken: ['queue-names-the-connector-in-few-places'],
  },
  { file: `${QUEUE}/wire/up.ts`, imports: ['../take/gate.ts'], broken: ['queue-wire-below-the-rest'] },
  { file: `${QUEUE}/take/gate.ts`, imports: ['../wire/names.ts'], broken: [] },
  {
    file: `${QUEUE}/take/up.ts`,
    imports: ['../task.ts'],
    broken: ['queue-batch-take-session-limit-schedule-payload-plain-below-the-rest'],
  },
  { file: `${QUEUE}/task.ts`, imports: ['./tube.ts'], broken: ['queue-task-below-the-rest'] },
  { file: `${QUEUE}/worker/up.ts`, imports: ['../tube.ts'], broken: ['queue-worker-below-the-rest'] },
  { file: `${QUEUE}/tube.ts`, imports: ['./queue.ts'], broken: ['queue-tube-below-the-rest'] },
  { file: `${QUEUE}/queue.ts`, imports: ['./wire/names.ts'], broken: [] },
  { file: `${QUEUE}/queue-up.ts`, imports: ['./servers/ring.ts'], broken: ['queue-queue-below-the-rest'] },
  { file: `${QUEUE}/servers/ring.ts`, imports: ['../queue.ts'], broken: [] },
  { file: 'examples/by-name.ts', imports: ['@tarantella/connector'], broken: [] },
  { file: 'examples/by-path.ts', imports: ['../packages/connector/src/index.ts'], broken: ['packages-by-name'] },
]

let folder: string
let found: Map<string, string[]>

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tarantella-layers-'))
  for (const { file, imports } of CASES) write(file, imports.map((name) => `import type {} from '${name}'\n`).join(''))
  write('package.json', '{"type": "module", "devDependencies": {"left-dev": "1.0.0"}}')
  write('tsconfig.base.json', '{"compilerOptions": {"module": "nodenext", "allowImportingTsExtensions": true}}')
  write(
    'packages/connector/package.json',
    '{"name": "@tarantella/connector", "type": "module", "exports": "./dist/index.js", "peerDependencies": {"left-peer": "1.0.0"}, "devDependencies": {"left-dev": "1.0.0", "left-peer": "1.0.0"}}',
  )
  write('packages/connector/dist/index.js', '')
  write('packages/queue/package.json', '{"type": "module", "dependencies": {"@tarantella/connector": "*"}}')
  write('node_modules/left-dev/package.json', '{"name": "left-dev", "exports": "./index.js"}')
  write('node_modules/left-dev/index.js', '')
  write('node_modules/left-peer/package.json', '{"name": "left-peer", "exports": "./index.js"}')
  write('node_modules/left-peer/index.js', '')
  mkdirSync(join(folder, 'node_modules/@tarantella'))
  symlinkSync(join(folder, 'packages/connector'), join(folder, 'node_modules/@tarantella/connector'))
  found = await cruise()
})

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('the layer rules', () => {
  test.each(CASES)('$file that imports $imports breaks $broken', ({ file, broken }) => {
    expect(found.get(file) ?? []).toEqual([...broken].sort())
  })

  test('each has a case that breaks it', async () => {
    const { default: config } = (await import(join(ROOT, '.dependency-cruiser.cjs'))) as {
      default: { forbidden: { name: string }[] }
    }
    expect([...new Set(CASES.flatMap(({ broken }) => broken))].sort()).toEqual(
      config.forbidden.map(({ name }) => name).sort(),
    )
  })
})

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

/** The names of the rules that each file of the folder breaks. */
async function cruise(): Promise<Map<string, string[]>> {
  const cli = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
  const args = [cli, '--config', join(ROOT, '.dependency-cruiser.cjs'), '--output-type', 'json']
  const folders = [CONNECTOR, 'packages/connector/test', QUEUE, 'examples']
  const stdout = await new Promise<string>((resolve) => {
    // The exit code is the number of violations; without JSON on stdout the parser below fails.
    execFile(process.execPath, [...args, ...folders], { cwd: folder, maxBuffer: 2 ** 26 }, (_error, text) =>
      resolve(text),
    )
  })
  const { summary } = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } }
  const byFile = new Map<string, string[]>()
  for (const { from, rule } of summary.violations) {
    const names = byFile.get(from) ?? []
    if (!names.includes(rule.name)) byFile.set(from, [...names, rule.name].sort())
  }
  return byFile
}
