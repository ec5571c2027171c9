import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { InputError } from './input-error.ts'
import { dayAfter } from './local-time.ts'

export const HELP = `Sends a push to every recipient at 09:00 of the recipient's own clock, a day compressed into seconds.

  npm run demo -- [options]

  --recipients FILE   CSV with the columns id, platform (ios, android), zone (IANA name), token;
                      default: 10 000 recipients that come with the repository
  --day-seconds N     how long 24 hours take in the demo; default 20
  --date YYYY-MM-DD   the day of the campaign, for the zones' rules differ by date; default: tomorrow
  --concurrency N     pushes under way at once, per tube; default 64
  --kill-server       kill the queue server (SIGKILL) in mid-run and start it again
  --data-dir DIR      keep the server's data and log in DIR, which must be new or empty
  --json              the result as one JSON object on stdout, progress on stderr
  --help              this text

Exit code: 0 if every push was delivered and none early, 1 if not, 2 if the options or the recipients cannot be used.
`

export interface CampaignOptions {
  readonly recipientsFile: string
  readonly daySeconds: number
  /** `2026-11-21` */
  readonly date: string
  readonly concurrency: number
  readonly killServer: boolean
  /** undefined: a folder that is removed at the end. */
  readonly dataDir: string | undefined
  readonly json: boolean
}

const DEFAULT_RECIPIENTS = fileURLToPath(new URL('data/recipients.csv', import.meta.url))

/**
 * @param args without the program's own name
 * @param now milliseconds since 1970
 * @param folder what relative paths start from
 * @returns 'help' if the help is wanted
 * @throws InputError with a sentence that says which option is wrong
 */
export function parseOptions(args: readonly string[], now: number, folder: string): CampaignOptions | 'help' {
  const values = parseValues(args)
  if (values.help === true) return 'help'
  return {
    recipientsFile: resolve(folder, values.recipients ?? DEFAULT_RECIPIENTS),
    daySeconds: numberOption('--day-seconds', values['day-seconds'] ?? '20', { above: 0, max: 86_400 }),
    date: dateOption('--date', values.date ?? dayAfter(now)),
    concurrency: wholeOption('--concurrency', values.concurrency ?? '64', { above: 0, max: 1_000 }),
    killServer: values['kill-server'] === true,
    dataDir: values['data-dir'] === undefined ? undefined : resolve(folder, values['data-dir']),
    json: values.json === true,
  }
}

// The options' types are inferred from the literal; writing them out would say everything twice.
const OPTIONS = {
  recipients: { type: 'string' },
  'day-seconds': { type: 'string' },
  date: { type: 'string' },
  concurrency: { type: 'string' },
  'kill-server': { type: 'boolean' },
  'data-dir': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values
  } catch (error) {
    // What parseArgs throws is a sentence for the user, `Unknown option '--x'`.
    if (error instanceof TypeError) throw new InputError(error.message)
    throw error
  }
}

interface Range {
  readonly above: number
  readonly max: number
}

function numberOption(name: string, text: string, { above, max }: Range): number {
  const number = Number(text)
  if (number > above && number <= max) return number
  throw new InputError(`${name} must be a number above ${above}, at most ${max}, and is ${JSON.stringify(text)}`)
}

function wholeOption(name: string, text: string, range: Range): number {
  const number = numberOption(name, text, range)
  if (Number.isInteger(number)) return number
  throw new InputError(`${name} must be a whole number, and is ${JSON.stringify(text)}`)
}

function dateOption(name: string, text: string): string {
  const midnight = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00Z`) : Number.NaN
  // 30 February is read as 2 March.
  if (!Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(text)) return text
  throw new InputError(`${name} must be a date as 2026-11-21, and is ${JSON.stringify(text)}`)
}
