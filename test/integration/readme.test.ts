import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { startTarantool } from '../helpers/start-tarantool.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const README = readFileSync(join(ROOT, 'README.md'), 'utf8')

/** What stands between ```language and ```, in order. */
function codeBlocks(language: string): string[] {
  return Array.from(README.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')), ([, code = '']) => code)
}

describe('the README', () => {
  test('shows a program that runs as printed, on the server that it starts', async () => {
    const start = codeBlocks('sh')[1]?.trim()
    expect(start).toBe('TARANTELLA_ADMIN_PASSWORD=secret tarantool tarantool/init.lua')
    const server = await startTarantool({
      initFile: join(ROOT, 'tarantool/init.lua'),
      env: { TARANTELLA_ADMIN_PASSWORD: 'secret' },
    })

    const [program = ''] = codeBlocks('js')
    // Only the port differs: another server may be using the default one.
    expect(program).toContain('127.0.0.1:3301')
    const code = program.replace('127.0.0.1:3301', `127.0.0.1:${server.port}`)
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
      cwd: ROOT,
    })
    expect({ stdout, stderr }).toEqual({ stdout: 'to user 1: now\nto user 2: in half a second\n', stderr: '' })
  })

  test('shows a program of at most fifteen lines within the first screen', () => {
    const [program = ''] = codeBlocks('js')
    expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
    expect(README.slice(0, README.indexOf(program)).split('\n').length).toBeLessThanOrEqual(30)
  })

  test('links to files that are there', () => {
    const targets = Array.from(README.matchAll(/\]\((?!https?:)([^)#]+)\)/g), ([, target = '']) => target)
    expect(targets.length).toBeGreaterThan(5)
    expect(targets.filter((target) => !existsSync(join(ROOT, target)))).toEqual([])
  })
})
