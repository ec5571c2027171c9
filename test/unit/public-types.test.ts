import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>
}

/** The declaration files that a user of the package can reach. */
function publicDeclarations(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest
  const entries = Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.types]))
  const found = new Set<string>()
  const visit = (file: string): void => {
    if (found.has(file)) return
    found.add(file)
    const { importedFiles } = ts.preProcessFile(readFileSync(file, 'utf8'))
    for (const { fileName } of importedFiles) {
      const target = join(dirname(file), fileName.replace(/\.(js|ts)$/, '.d.ts'))
      if (fileName.startsWith('.') && existsSync(target)) visit(target)
    }
  }
  for (const entry of entries) visit(join(ROOT, folder, entry))
  return [...found]
}

/** Where `any` is written in a declaration file, as file:line. */
function anyIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true)
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart())
      found.push(`${file.slice(ROOT.length)}:${line + 1}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}

describe.each(['packages/connector', 'packages/queue'])('the public types of %s', (folder) => {
  test('are built', () => {
    expect(publicDeclarations(folder).length).toBeGreaterThan(5)
  })

  test('hold no any', () => {
    expect(publicDeclarations(folder).flatMap(anyIn)).toEqual([])
  })
})
