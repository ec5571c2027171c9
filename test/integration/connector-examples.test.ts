import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { startTarantool, type TarantoolServer } from '../helpers/start-tarantool.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const EXAMPLES = readdirSync(join(ROOT, 'examples/connector')).sort()

let server: TarantoolServer

beforeAll(async () => {
  // Transactions over the network need it; servers before 2.10 do not know it.
  server = await startTarantool({ cfg: `memtx_use_mvcc_engine = not _TARANTOOL:match('^2%.%d%.') or nil` })
  return () => server[Symbol.asyncDispose]()
})

test('there is an example for each of the large features', () => {
  expect(EXAMPLES).toEqual(['01-streams.ts', '02-watchers.ts', '03-pool.ts', '04-sql.ts', '05-types.ts'])
})

// Each checks itself, and says what the server lacks; a second run finds a clean server.
test.each(EXAMPLES)('the example %s runs, twice, and ends by itself', async (name) => {
  for (const _run of ['first', 'second']) {
    const args = ['--import', 'tsx', join('examples/connector', name), server.uri]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: 50_000 })
    expect(stderr).toBe('')
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('ok')
  }
})
