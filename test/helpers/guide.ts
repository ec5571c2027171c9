import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { onTestFinished } from 'vitest'
import { blocksIn } from './code-blocks.ts'
import { shownCommands } from './console-blocks.ts'
import { findTarantool } from './start-tarantool.ts'

export const ROOT = join(import.meta.dirname, '..', '..')

/** A page of docs/ whose programs are run as a reader would. */
export class Guide {
  readonly path: string
  readonly text: string

  constructor(name: string) {
    this.path = join(ROOT, 'docs', name)
    this.text = readFileSync(this.path, 'utf8')
  }

  /** The block of a language that has this text; there must be one. */
  block(language: string, having: string): string {
    const found = blocksIn(this.text, language).filter((code) => code.includes(having))
    const [code] = found
    if (code === undefined || found.length > 1)
      throw new Error(`Expected one ${language} block with ${having}, got ${found.length}`)
    return code
  }

  /** What a command is shown to print, as lines. */
  shownLines(command: string): string[] {
    const shown = shownCommands(this.path).find((one) => one.command === command)
    if (shown === undefined) throw new Error(`The page does not show ${command}`)
    return shown.output.trimEnd().split('\n')
  }
}

/** Runs Node on code that stands in a page. The server may listen on another port than the default one. */
export function startProgram(code: string, port: number): ChildProcess {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code.replaceAll(':3301', `:${port}`)], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

/** The lines that a program prints, once there are so many. */
export async function linesOf(child: ChildProcess, count: number): Promise<string[]> {
  const lines: string[] = []
  if (child.stdout === null) throw new Error('The program has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line)
    if (lines.length === count) break
  }
  return lines
}

/** Runs a shell command of a page that begins with `tarantool`; what it has printed, as lines. */
export async function runTarantool(command: string, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const [, ...args] = command.split(' ')
  const { stdout } = await promisify(execFile)(findTarantool() ?? 'tarantool', args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
  })
  return stdout.trimEnd().split('\n')
}

/** Writes a file into a folder that goes with the test; its path. */
export async function writeTemporary(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-guide-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}
