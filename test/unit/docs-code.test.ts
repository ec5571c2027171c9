import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { blocksIn } from '../helpers/code-blocks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Pages whose blocks are whole modules but for `tnt` and `queue`, which are connected. */
const PAGES = [
  'docs/connector.md',
  'docs/queue-client.md',
  'docs/queue-functions.md',
  'docs/scheduling.md',
  'docs/observability.md',
  'docs/limits.md',
  'docs/more-than-one-server.md',
  'docs/batch-writer.md',
  'docs/batches.md',
  'docs/guarantees.md',
  'docs/operating.md',
  'docs/worker-loops.md',
  'docs/migrating-from-tarantool-driver.md',
  'docs/migrating-from-tarantool-queue.md',
  'packages/connector/README.md',
  'packages/queue/README.md',
]
const GIVEN = {
  tnt: `declare const tnt: import('@tarantella/connector').Client\n`,
  queue: `declare const queue: import('@tarantella/queue').Queue\n`,
}

/** Name of a made-up file for each TypeScript block, and what it holds. */
function blocksOf(page: string): [file: string, code: string][] {
  const text = readFileSync(join(ROOT, page), 'utf8')
  return blocksIn(text, 'ts').map((code, index) => [
    join(ROOT, 'test', `${page.replaceAll('/', '-')}-${index + 1}.ts`),
    withGiven(code),
  ])
}

/** The block as a module, with the names that it uses and does not make. */
function withGiven(code: string): string {
  const given = Object.entries(GIVEN).filter(([name]) => !new RegExp(`\\b(const|let) ${name}\\b`).test(code))
  return `${given.map(([, declaration]) => declaration).join('')}${code}\nexport {}\n`
}

function compile(files: ReadonlyMap<string, string>): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.base.json'), (path) => readFileSync(path, 'utf8')) as {
    config: { compilerOptions: object }
  }
  const given = { ...config.compilerOptions, noEmit: true, composite: false, isolatedDeclarations: false }
  const { options } = ts.convertCompilerOptionsFromJson(
    { ...given, declaration: false, declarationMap: false, noUnusedLocals: false },
    ROOT,
  )
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.getSourceFile = (name, version) => {
    const code = files.get(name)
    return code === undefined ? getSourceFile(name, version) : ts.createSourceFile(name, code, version)
  }
  host.fileExists = (name) => files.has(name) || fileExists(name)
  host.readFile = (name) => files.get(name) ?? readFile(name)
  const program = ts.createProgram([...files.keys()], options, host)
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
    return `${diagnostic.file?.fileName.slice(ROOT.length) ?? ''}: ${text}`
  })
}

// The compiler is slow on a busy machine.
describe('the pages', { timeout: 60_000 }, () => {
  test('show code that compiles', () => {
    const blocks = PAGES.flatMap(blocksOf)
    expect(blocks.length).toBeGreaterThan(6)
    expect(compile(new Map(blocks))).toEqual([])
  })

  test('of which the code would be seen not to compile', () => {
    const file = join(ROOT, 'test', 'wrong.ts')
    expect(compile(new Map([[file, withGiven(`await tnt.selekt('users')`)]]))).toEqual([
      expect.stringContaining("Property 'selekt' does not exist"),
    ])
  })

  test('link to files that are there', () => {
    const dead = readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) => {
        const text = readFileSync(join(ROOT, 'docs', name), 'utf8')
        const targets = Array.from(text.matchAll(/\]\((?!https?:)([^)#]+)\)/g), ([, target = '']) => target)
        return targets.filter(
          (target) =>
            !ts.sys.fileExists(join(ROOT, 'docs', target)) && !ts.sys.directoryExists(join(ROOT, 'docs', target)),
        )
      })
    expect(dead).toEqual([])
  })
})
