import { CsvError, parse } from 'csv-parse/sync'

/** One line of a CSV file: its cells, or why it has none. Lines count from 1. */
export type CsvRow = { readonly line: number; readonly cells: readonly string[] } | CsvProblem

export interface CsvProblem {
  readonly line: number
  readonly problem: string
}

interface Line {
  readonly line: number
  readonly text: string
}

/** A longer line is no row of ours; without a limit a file without line ends would fill the memory. */
const MAX_LINE_CHARS = 65_536
/** Lines per call of the parser: one call costs 60 us before it reads anything, so calls per line would take 0.6 s here. */
const BLOCK_LINES = 512

/**
 * Reads CSV text line by line. A row ends where its line ends: a line feed inside quotes is not supported, and in
 * return a lost quotation mark spoils its own line only, never the rest of the file. Empty lines are passed over.
 *
 * @param chunks the text in pieces cut anywhere, as a file stream with an encoding gives them
 */
export async function* readCsvRows(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<CsvRow> {
  let block: Line[] = []
  for await (const line of splitLines(chunks)) {
    if ('problem' in line) {
      yield* parseBlock(block)
      block = []
      yield line
      continue
    }
    block.push(line)
    if (block.length === BLOCK_LINES) {
      yield* parseBlock(block)
      block = []
    }
  }
  yield* parseBlock(block)
}

async function* splitLines(chunks: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Line | CsvProblem> {
  let number = 1
  let rest = ''
  let isOverlong = false
  for await (const chunk of chunks) {
    const pieces = (rest + chunk).split('\n')
    rest = pieces.pop() ?? ''
    for (const piece of pieces) {
      const line = isOverlong ? tooLong(number) : toLine(piece, number)
      if (line !== undefined) yield line
      isOverlong = false
      number++
    }
    if (rest.length > MAX_LINE_CHARS) isOverlong = true
    if (isOverlong) rest = ''
  }
  const last = isOverlong ? tooLong(number) : toLine(rest, number)
  if (last !== undefined) yield last
}

function toLine(text: string, line: number): Line | CsvProblem | undefined {
  if (text.length > MAX_LINE_CHARS) return tooLong(line)
  return text.trim() === '' ? undefined : { line, text }
}

function tooLong(line: number): CsvProblem {
  return { line, problem: `longer than ${MAX_LINE_CHARS} characters` }
}

/**
 * All lines in one call of the parser. If it refuses one of them, or joins some over a quoted line feed, each line is
 * parsed by itself. It has joined none if it gives as many records as there were lines: no record is shorter than a line.
 */
function* parseBlock(block: readonly Line[]): Generator<CsvRow> {
  const records = parseText(block.map(({ text }) => text).join('\n'))
  if (Array.isArray(records) && records.length === block.length) {
    for (const [index, { line }] of block.entries()) yield { line, cells: records[index] ?? [] }
    return
  }
  for (const { line, text } of block) {
    const parsed = parseText(text)
    yield Array.isArray(parsed) ? { line, cells: parsed[0] ?? [] } : { line, problem: parsed.problem }
  }
}

function parseText(text: string): string[][] | { problem: string } {
  try {
    // `trim` takes a carriage return at the end and a byte order mark at the beginning away as well.
    return parse(text, { trim: true, relax_column_count: true, record_delimiter: '\n' })
  } catch (error) {
    if (error instanceof CsvError) return { problem: sayQuoteProblem(error.code) }
    throw error
  }
}

/** The parser's own sentences name a line within the block, so they would mislead. */
function sayQuoteProblem(code: CsvError['code']): string {
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quotation mark is not closed'
  return `quotation marks are wrong (${code})`
}
