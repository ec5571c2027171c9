/** A code block of a page: what stands after the ``` that opens it, and what is in it. */
export interface CodeBlock {
  readonly language: string
  readonly code: string
}

/** The code blocks of a Markdown text, in order; those that are indented, in lists, included. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks = markdown.matchAll(/^( *)```(\w*)\n(.*?)^\1```$/gms)
  return Array.from(blocks, ([, , language = '', code = '']) => ({ language, code }))
}

/** The blocks of one language. */
export function blocksIn(markdown: string, language: string): string[] {
  return codeBlocks(markdown).flatMap((block) => (block.language === language ? [block.code] : []))
}
