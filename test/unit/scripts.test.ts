import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { olderThan } from '../../scripts/older-than.mjs'
import { runCommand } from '../../scripts/run-command.mjs'
import { countTap } from '../../scripts/tap.mjs'

const SCRIPTS = fileURLToPath(new URL('../../scripts/', import.meta.url))

describe('countTap', () => {
  test('counts top-level tests, for nested ones belong to them', () => {
    const text = 'TAP version 13\n1..2\n    # group\n    1..2\n    ok - a\n    not ok - b\nnot ok - group\nok - other\n'
    expect(countTap(text)).toEqual({ passed: 1, failed: 1, skipped: 0 })
  })

  test('counts what the plan promised and what never ran as failed', () => {
    expect(countTap('1..3\nok - a\n')).toEqual({ passed: 1, failed: 2, skipped: 0 })
  })

  test('counts a script that printed nothing as one failure', () => {
    expect(countTap('')).toEqual({ passed: 0, failed: 1, skipped: 0 })
  })

  test('does not count a skipped test as passed', () => {
    expect(countTap('1..2\nok - a # SKIP needs 2.10\nok - b\n')).toEqual({ passed: 1, failed: 0, skipped: 1 })
  })
})

describe('olderThan', () => {
  test.each([
    ['20.18.3', '20.19', true],
    ['20.19.0', '20.19', false],
    ['22.0.0', '20.19', false],
    ['2.5.3-0-gf93e48013', '2.6', true],
    ['2.11.9', '2.6', false],
    ['1.10.15', '2.6', true],
  ])('%s older than %s is %s', (version, wanted, expected) => {
    expect(olderThan(version, wanted)).toBe(expected)
  })
})

describe('set-up', () => {
  test('stops with what to do when TARANTOOL_BIN names nothing', async () => {
    const { code, stdout, stderr } = await runSetup('/nowhere/tarantool')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('TARANTOOL_BIN=/nowhere/tarantool cannot be run')
    expect(stderr).not.toContain('.mjs')
  })

  test('stops when TARANTOOL_BIN is another program', async () => {
    const { code, stderr } = await runSetup(process.execPath)
    expect(code).toBe(1)
    expect(stderr).toContain('is not a Tarantool')
  })

  test('refuses a Tarantool that is too old', async () => {
    const folder = temporaryFolder()
    const old = join(folder, 'tarantool')
    writeFileSync(old, '#!/bin/sh\necho "Tarantool 1.10.15-0-gfefb6ed"\n')
    chmodSync(old, 0o755)
    const { code, stderr } = await runSetup(old)
    expect(code).toBe(1)
    expect(stderr).toContain('is 1.10.15-0-gfefb6ed, which is too old')
  })
})

describe('runCommand', () => {
  test('kills a command that takes too long, with the processes it started', async () => {
    const folder = temporaryFolder()
    const file = join(folder, 'hangs.mjs')
    writeFileSync(
      file,
      `import { spawn } from 'node:child_process'
      const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' })
      console.log(child.pid)`,
    )
    // It settles when the last holder of the pipe, which is the process it started, is gone.
    const { code, text } = await runCommand(process.execPath, [file], { output: 'capture', timeoutMs: 2000 })
    expect(code).toBe(137)
    expect(text).toMatch(/^\d+$/m)
  })
})

describe('runForeground', () => {
  test("passes the command's exit code on, and a signal to the command", async () => {
    const folder = temporaryFolder()
    const child = join(folder, 'child.mjs')
    writeFileSync(
      child,
      "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1e6); console.log('ready')",
    )
    const parent = join(folder, 'parent.mjs')
    const module = JSON.stringify(join(SCRIPTS, 'run-command.mjs'))
    writeFileSync(
      parent,
      `import { runForeground } from ${module}\nprocess.exit(await runForeground(process.execPath, [${JSON.stringify(child)}]))`,
    )
    const running = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(() => void running.kill('SIGKILL'))
    await once(running.stdout, 'data')
    running.kill('SIGTERM')
    expect(await once(running, 'exit')).toEqual([7, null])
  })
})

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tarantella-scripts-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function runSetup(tarantool: string): Promise<Finished> {
  return new Promise((resolve) => {
    const env = { ...process.env, TARANTOOL_BIN: tarantool }
    const child = execFile(process.execPath, [join(SCRIPTS, 'setup.mjs')], { env }, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}
