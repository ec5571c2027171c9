import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The versions of peers; the manifest pins them exactly. */
export function pinnedVersions(names: readonly string[]): Record<string, string> {
  const file = join(import.meta.dirname, '..', 'package.json')
  const { dependencies } = JSON.parse(readFileSync(file, 'utf8')) as { dependencies: Readonly<Record<string, string>> }
  return Object.fromEntries(names.map((name) => [name, dependencies[name] ?? 'unknown']))
}
