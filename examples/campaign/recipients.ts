import { createReadStream } from 'node:fs'
import { type CsvProblem, readCsvRows } from './csv-rows.ts'
import { InputError } from './input-error.ts'
import { isTimeZone } from './local-time.ts'

/** A push goes through the tube of its platform. */
export const PLATFORMS = ['ios', 'android'] as const
export type Platform = (typeof PLATFORMS)[number]

export interface Recipient {
  readonly id: string
  readonly platform: Platform
  /** IANA name, `Europe/Berlin`. */
  readonly zone: string
  /** The address of the phone at its push service. */
  readonly token: string
}

const COLUMNS = ['id', 'platform', 'zone', 'token'] as const
type Column = (typeof COLUMNS)[number]

/** Names that other programs give the same columns. */
const ALIASES: Readonly<Record<string, Column>> = {
  timezone: 'zone',
  time_zone: 'zone',
  'time zone': 'zone',
  tz: 'zone',
}

/** A campaign holds its recipients in memory: about 1 KB each. */
const MAX_RECIPIENTS = 1_000_000

/**
 * Reads a file of recipients (CSV, UTF-8). The first line may name the columns, then they may stand in any order and
 * columns of other names are ignored; without it they are id, platform, zone, token.
 *
 * @param report gets every row that cannot be used, with its line number; such a row is left out
 * @throws InputError if the file cannot be read, has no usable row or more than a million
 */
export async function readRecipients(file: string, report: (problem: CsvProblem) => void): Promise<Recipient[]> {
  try {
    const recipients = await parseRecipients(createReadStream(file, 'utf8'), report)
    if (recipients.length === 0) throw new InputError(`${file} has no usable row: nobody to send to`)
    return recipients
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw new InputError(`cannot read ${file}: ${error.message}`)
    throw error
  }
}

/** {@link readRecipients} on text that is already there, in pieces cut anywhere. */
export async function parseRecipients(
  chunks: AsyncIterable<string> | Iterable<string>,
  report: (problem: CsvProblem) => void,
): Promise<Recipient[]> {
  const recipients = new Map<string, Recipient>()
  const zones = new Set<string>()
  let header: readonly string[] | undefined
  for await (const row of readCsvRows(chunks)) {
    if ('problem' in row) {
      report(row)
      continue
    }
    const isFirst = header === undefined
    header ??= asHeader(row.cells) ?? COLUMNS
    if (isFirst && header !== COLUMNS) continue
    const recipient = toRecipient(header, row.cells, zones)
    if (typeof recipient === 'string') report({ line: row.line, problem: recipient })
    else if (recipients.has(recipient.id))
      report({ line: row.line, problem: `id ${quote(recipient.id)} is there twice` })
    else recipients.set(recipient.id, recipient)
    if (recipients.size > MAX_RECIPIENTS) throw new InputError(`more than ${MAX_RECIPIENTS} recipients: split the file`)
  }
  return [...recipients.values()]
}

/** The columns' names if this row names them all; else it is a row like any other. */
function asHeader(cells: readonly string[]): readonly string[] | undefined {
  const names = cells.map((cell) => ALIASES[cell.toLowerCase()] ?? cell.toLowerCase())
  return COLUMNS.every((column) => names.includes(column)) ? names : undefined
}

/**
 * @param zones those found good so far; looking one up costs 50 us
 * @returns the recipient, or a sentence on what is wrong with the row
 */
function toRecipient(header: readonly string[], cells: readonly string[], zones: Set<string>): Recipient | string {
  if (cells.length !== header.length) return `expected ${header.length} columns, found ${cells.length}`
  const cell = (column: Column): string => cells[header.indexOf(column)] ?? ''
  const empty = COLUMNS.find((column) => cell(column) === '')
  if (empty !== undefined) return `${empty} is empty`
  const platform = PLATFORMS.find((known) => known === cell('platform').toLowerCase())
  if (platform === undefined) return `platform ${quote(cell('platform'))} is none of ${PLATFORMS.join(', ')}`
  const zone = cell('zone')
  if (!zones.has(zone) && !isTimeZone(zone)) return `zone ${quote(zone)} is not a known IANA time zone`
  zones.add(zone)
  return { id: cell('id'), platform, zone, token: cell('token') }
}

/** What a user's file says, cut and freed of control characters, for it goes to a terminal. */
function quote(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return JSON.stringify(short.replace(/[\u007f-\u009f]/g, '?'))
}
