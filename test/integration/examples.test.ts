import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'

const EXAMPLES = fileURLToPath(new URL('../../examples', import.meta.url))
/** The campaign has a test of its own. */
const NAMES = (await readdir(EXAMPLES))
  .filter((name) => name !== 'campaign' && existsSync(join(EXAMPLES, name, 'main.ts')))
  .sort()

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'examples-test-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return folder
}

// Each checks what it has done, and fails loudly.
test.each(NAMES)('the short form of the example %s does as it says, and leaves nothing behind', async (name) => {
  const folder = await temporaryFolder()
  const args = ['--import', 'tsx', join(EXAMPLES, name, 'main.ts'), '--short']
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: join(EXAMPLES, '..'),
    env: { ...process.env, TMPDIR: folder },
    timeout: 50_000,
  })
  expect(stderr).toBe('')
  expect(stdout.trimEnd().split('\n').at(-1)).toMatch(/^ok, in [\d.]+ s$/)
  const left = (await readdir(folder)).filter((entry) => entry.startsWith('tarantella-'))
  expect(left).toEqual([])
})

test('every example says in its README what it shows and how to run it', () => {
  for (const name of NAMES) expect(existsSync(join(EXAMPLES, name, 'README.md')), `${name}/README.md`).toBe(true)
})

test.each([
  ['a size that is none', ['--updates', 'many'], '--updates must be a number above 0'],
  ['an option that is none', ['--speed', '3'], "Unknown option '--speed'"],
])('%s ends an example with exit code 2 and a sentence', async (_what, args, sentence) => {
  const file = join(EXAMPLES, 'counters/main.ts')
  const failure: unknown = await promisify(execFile)(process.execPath, ['--import', 'tsx', file, ...args], {
    cwd: join(EXAMPLES, '..'),
  }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^counters: [^\n]+\n$/) })
  expect(failure).toMatchObject({ stderr: expect.stringContaining(sentence) })
})
