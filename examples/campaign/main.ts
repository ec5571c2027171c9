import { type CampaignResult, runCampaign } from './campaign.ts'
import { InputError } from './input-error.ts'
import { type CampaignOptions, HELP, parseOptions } from './options.ts'
import type { View } from './progress.ts'
import { readRecipients } from './recipients.ts'
import { exitCodeOf, makeReport, reportText } from './report.ts'
import { makeView } from './view.ts'

/** Exit codes of a process that a signal has ended: 128 and the signal's number. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** The user wants no more of it. */
class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(why: string, exitCode: number) {
    super(why)
    this.exitCode = exitCode
  }
}

/** A parent forwards what the terminal has sent us already: so soon, a signal is the same one. */
const ECHO_MS = 1_000

/** The first signal stops the campaign in order, the second at once. */
function listenToSignals(): AbortSignal {
  const stop = new AbortController()
  let stoppedAt = Number.POSITIVE_INFINITY
  for (const [name, exitCode] of Object.entries(SIGNAL_EXIT_CODES)) {
    process.on(name, () => {
      if (performance.now() - stoppedAt > ECHO_MS) process.exit(exitCode)
      stoppedAt = Math.min(stoppedAt, performance.now())
      stop.abort(new Interrupted(`stopped by ${name}`, exitCode))
    })
  }
  // Whoever read the output has gone (`| head`): nobody is left to run for.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: Error) => stop.abort(new Interrupted(`the output is closed: ${error.message}`, 1)))
  }
  return stop.signal
}

async function run(options: CampaignOptions, view: View, stop: AbortSignal): Promise<number> {
  let skippedRows = 0
  const recipients = await readRecipients(options.recipientsFile, ({ line, problem }) => {
    skippedRows++
    view.note(`${options.recipientsFile}:${line}: ${problem}; row skipped`)
  })
  const result = await showing(view, () => runCampaign(recipients, options, view, stop))
  const report = makeReport(result.totals, { seconds: result.seconds, skippedRows, serverKills: result.serverKills })
  if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`\n${reportText(report)}\n`)
  return exitCodeOf(report)
}

/** The view is closed before anything is printed below it. */
async function showing(view: View, work: () => Promise<CampaignResult>): Promise<CampaignResult> {
  try {
    return await work()
  } finally {
    view.close()
  }
}

async function main(args: readonly string[]): Promise<number> {
  try {
    // npm goes to the repository's root, and says where it was called.
    const options = parseOptions(args, Date.now(), process.env.INIT_CWD ?? process.cwd())
    if (options === 'help') {
      process.stdout.write(HELP)
      return 0
    }
    const view = makeView(options.json ? process.stderr : process.stdout)
    return await run(options, view, listenToSignals())
  } catch (error) {
    process.stderr.write(`campaign: ${error instanceof Error ? error.message : String(error)}\n`)
    if (error instanceof Interrupted) return error.exitCode
    return error instanceof InputError ? 2 : 1
  }
}

process.exitCode = await main(process.argv.slice(2))
