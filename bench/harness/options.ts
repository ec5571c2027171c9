import { parseArgs } from 'node:util'
import { print } from './report.ts'

export interface BenchOptions {
  /** Where to write the report as JSON. */
  readonly json: string | undefined
  readonly rounds: number
  /** How long one case is measured in one round. */
  readonly sampleMs: number
  /** Which cases to run, by their names; empty for all. The same for subjects. */
  readonly cases: readonly string[]
  readonly subjects: readonly string[]
  readonly inFlight: readonly number[]
}

/** What a benchmark can be asked for. */
export interface BenchUsage {
  /** The first lines of its help. */
  readonly about: string
  readonly cases: readonly string[]
  readonly subjects: readonly string[]
  /** Empty where there is no such thing. */
  readonly inFlight: readonly number[]
  readonly sampleMs: number
}

/** Reads the command line; on `--help`, or a mistake, it says what may stand there and ends the process. */
export function readOptions(usage: BenchUsage): BenchOptions {
  try {
    const { values } = parseArgs({
      options: {
        json: { type: 'string' },
        rounds: { type: 'string', default: '3' },
        'sample-ms': { type: 'string', default: String(usage.sampleMs) },
        case: { type: 'string', default: '' },
        subject: { type: 'string', default: '' },
        'in-flight': { type: 'string', default: usage.inFlight.join(',') },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      printHelp(usage)
      process.exit(0)
    }
    return {
      json: values.json,
      rounds: positive('rounds', values.rounds),
      sampleMs: positive('sample-ms', values['sample-ms']),
      cases: among('case', usage.cases, values.case),
      subjects: among('subject', usage.subjects, values.subject),
      inFlight: list(values['in-flight']).map((text) => positive('in-flight', text)),
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exit(2)
  }
}

/** Whether the options leave this one in. */
export function isWanted(wanted: readonly string[], name: string): boolean {
  return wanted.length === 0 || wanted.includes(name)
}

function printHelp(usage: BenchUsage): void {
  print(usage.about)
  print('')
  print('  --json FILE        write the report as JSON')
  print('  --rounds N         rounds, of which each figure is the median (default 3)')
  print(`  --sample-ms N      how long a case is measured in one round (default ${usage.sampleMs})`)
  print(`  --case A,B         of ${usage.cases.join(', ')} (default all)`)
  print(`  --subject A,B      of ${usage.subjects.join(', ')} (default all)`)
  if (usage.inFlight.length > 0) print(`  --in-flight N,M    requests at a time (default ${usage.inFlight.join(',')})`)
}

function list(text: string): string[] {
  return text.split(',').filter((part) => part !== '')
}

function among(option: string, known: readonly string[], text: string): string[] {
  const names = list(text)
  const stranger = names.find((name) => !known.includes(name))
  if (stranger !== undefined) throw new Error(`--${option} knows ${known.join(', ')}; not ${JSON.stringify(stranger)}`)
  return names
}

function positive(option: string, text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value > 0) return value
  throw new Error(`--${option} takes whole numbers above 0, not ${JSON.stringify(text)}`)
}
