import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { codeBlocks } from '../helpers/code-blocks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PAGES = ['README.md', 'docs/getting-started.md']

const read = (page: string): string => readFileSync(join(ROOT, page), 'utf8')
const translationOf = (page: string): string => page.replace(/\.md$/, '.ru.md')

/** Depths of the headings, and how many rows each table has: what a translation that was left behind lacks. */
function shapeOf(text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```$/gms, '')
  return Array.from(prose.matchAll(/^(#+) |^(\|)|^(- )/gm), ([, heading, row, item]) => heading ?? row ?? item ?? '')
}

/** Where the text links to, in the other language's form; a page's link to its own translation is left out. */
function targetsOf(text: string): Set<string> {
  const targets = Array.from(text.matchAll(/\]\(([^)]+)\)/g), ([, target = '']) => target.replace('.ru.md', '.md'))
  return new Set(targets.filter((target) => !['README.md', 'getting-started.md'].includes(target)))
}

describe.each(PAGES)('the Russian %s', (page) => {
  const [original, translation] = [read(page), read(translationOf(page))]

  test('shows the same code', () => {
    expect(codeBlocks(original).length).toBeGreaterThan(2)
    expect(codeBlocks(translation)).toEqual(codeBlocks(original))
  })

  test('has the same headings, rows and items', () => {
    expect(shapeOf(translation)).toEqual(shapeOf(original))
  })

  test('links to the same pages', () => {
    expect(targetsOf(translation)).toEqual(targetsOf(original))
  })
})
