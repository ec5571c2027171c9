import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))

/** Runs the short form in a folder of its own; what it leaves there is a failure. */
async function run(name: string, ...args: string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'examples-cluster-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(EXAMPLES, name, 'main.ts')
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', file, '--short', ...args],
    { cwd: join(EXAMPLES, '..'), env: { ...process.env, TMPDIR: folder }, timeout: 80_000 },
  )
  expect(stderr).toBe('')
  expect((await readdir(folder)).filter((entry) => entry.startsWith('tarantella-'))).toEqual([])
  return stdout
}

test('a server that is dead before the mailing starts costs no push and makes no batch', {
  timeout: 90_000,
}, async () => {
  const stdout = await run('push-cluster', '--kill-server', 'before')
  expect(stdout).toContain('s2 is not there, the next one is asked')
  expect(stdout).toContain('holds: every user got the push, and nobody else')
  expect(stdout).toContain('holds: no batch was made on the dead server')
  expect(stdout).toContain('holds: no push came twice')
})

test('a server that is killed with the baton costs no push', { timeout: 90_000 }, async () => {
  const stdout = await run('push-cluster', '--kill-server', 'during')
  expect(stdout).toContain('holds: the lost baton was issued again within 6 s')
  expect(stdout).toContain('holds: s2 is back with its baton, and has dropped it')
  expect(stdout).toContain('holds: every user got the push, and nobody else')
  expect(stdout).toContain('holds: each batch was made on one server')
})

test('a worker that is killed in the middle of a range costs no push and doubles none', {
  timeout: 90_000,
}, async () => {
  const stdout = await run('cascade', '--kill-worker', 'mid-split')
  expect(stdout).toMatch(/^[1-9]\d* pushes are out when the worker is killed in mid-split/m)
  expect(stdout).toContain('holds: every user got the push, and nobody else')
  expect(stdout).toContain('holds: nobody got it twice')
  expect(stdout).toContain('holds: a range was split twice')
})

test.each([
  ['push-cluster', '--kill-server'],
  ['cascade', '--kill-worker'],
])('%s fails before it starts anything if it does not know what %s means', async (name, option) => {
  await expect(run(name, option, 'sometimes')).rejects.toMatchObject({ code: 1, stdout: '' })
})
