import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Guide, linesOf, runTarantool, startProgram, writeTemporary } from '../helpers/guide.ts'
import { INIT_FILE } from '../helpers/start-queue.ts'
import { startTarantool } from '../helpers/start-tarantool.ts'

const PAGE = new Guide('getting-started.md')
const STATS = 'tarantool tarantool/admin/stats.lua 3301'

describe('getting started', () => {
  test('runs as printed: the server, the worker, the producer, the look at it', async () => {
    expect(PAGE.block('sh', 'init.lua')).toBe(
      'TARANTELLA_CONFIG=tarantella.lua TARANTELLA_ADMIN_PASSWORD=admin-secret tarantool tarantool/init.lua\n',
    )
    const server = await startTarantool({
      initFile: INIT_FILE,
      ready: /tarantella ready on/,
      env: {
        TARANTELLA_CONFIG: await writeTemporary('tarantella.lua', PAGE.block('lua', 'tarantella.lua')),
        TARANTELLA_ADMIN_PASSWORD: 'admin-secret',
      },
    })
    const expected = PAGE.shownLines('node worker.mjs')

    const worker = startProgram(PAGE.block('js', 'worker.mjs'), server.port)
    const [[code], lines] = await Promise.all([
      once(startProgram(PAGE.block('js', 'producer.mjs'), server.port), 'exit'),
      linesOf(worker, expected.length),
    ])
    expect(code).toBe(0)
    // A worker that is slow to start may find the last task due before it has tried the second again.
    expect(lines.toSorted()).toEqual(expected.toSorted())

    worker.kill('SIGINT')
    expect(await once(worker, 'exit')).toEqual([0, null])
    const env = { TARANTELLA_USER: 'queue_admin', TARANTELLA_PASSWORD: 'admin-secret' }
    expect(await runTarantool(STATS.replace('3301', String(server.port)), env)).toEqual(PAGE.shownLines(STATS))
  })
})
