import { readFileSync } from 'node:fs'

/** A command of a page and what it prints there. */
export interface ShownCommand {
  readonly command: string
  readonly output: string
}

const BLOCK = /^```console\n(.*?)^```$/gms

function commandsOf(block: string): ShownCommand[] {
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n')
      return { command: part.slice(0, end), output: part.slice(end + 1) }
    })
}

/** The commands of a page's ```console blocks, in order: lines that begin with `$ `, each with the lines below it. */
export function shownCommands(page: string): ShownCommand[] {
  return Array.from(readFileSync(page, 'utf8').matchAll(BLOCK), ([, block = '']) => block).flatMap(commandsOf)
}

/** The page with other outputs: one for each command, in order. */
export function withOutputs(page: string, outputs: readonly string[]): string {
  const rest = [...outputs]
  return readFileSync(page, 'utf8').replaceAll(BLOCK, (_, block: string) => {
    const parts = commandsOf(block).map(({ command }) => `$ ${command}\n${rest.shift() ?? ''}`)
    return `\`\`\`console\n${parts.join('')}\`\`\``
  })
}
