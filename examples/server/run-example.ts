import { inspect, isDeepStrictEqual, parseArgs } from 'node:util'

/** How much an example does, by name; each can be set by an option of that name. */
type Sizes = Readonly<Record<string, number>>

export interface Example<S extends Sizes> {
  readonly name: string
  /** One sentence for `--help`. */
  readonly about: string
  readonly full: S
  /** With `--short`: a few seconds, for CI. */
  readonly short: S
  /** Texts that options of these names set, and their default; none if absent. */
  readonly texts?: Readonly<Record<string, string>>
  readonly run: (sizes: S, texts: Readonly<Record<string, string>>) => Promise<void>
}

const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Runs an example as the main program: 0 if all its checks hold, 1 if one does not, 2 if the options cannot be used. */
export async function runExample<S extends Sizes>(example: Example<S>): Promise<void> {
  // Leaving by exit() kills the servers and children at once: each has a listener for that.
  for (const [name, code] of Object.entries(SIGNAL_EXIT_CODES)) process.once(name, () => process.exit(code))
  const given = readOptions(example)
  if (typeof given === 'number') {
    process.exitCode = given
    return
  }
  const startedAt = performance.now()
  try {
    await example.run(given.sizes, given.texts)
    console.log(`ok, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s`)
  } catch (error) {
    console.error(`${example.name}: ${failureText(error)}`)
    process.exitCode = 1
  }
}

/** Says that something holds, or throws, which ends the example with exit code 1. */
export function check(sentence: string, actual: unknown, wanted: unknown = true): void {
  if (!isDeepStrictEqual(actual, wanted)) throw new CheckFailed(sentence, actual, wanted)
  console.log(`holds: ${sentence}`)
}

class CheckFailed extends Error {
  override readonly name = 'CheckFailed'

  constructor(sentence: string, actual: unknown, wanted: unknown) {
    super(`DOES NOT HOLD: ${sentence}: got ${inspect(actual)}, expected ${inspect(wanted)}`)
  }
}

function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // A check that does not hold says it all in its sentence.
  return error instanceof CheckFailed ? error.message : (error.stack ?? error.message)
}

/** @returns an exit code if there is nothing to run */
function readOptions<S extends Sizes>(
  example: Example<S>,
): 0 | 2 | { readonly sizes: S; readonly texts: Readonly<Record<string, string>> } {
  const names = Object.keys(example.full)
  const texts = example.texts ?? {}
  try {
    const values: Readonly<Record<string, unknown>> = parseArgs({
      options: {
        short: { type: 'boolean' },
        help: { type: 'boolean' },
        ...Object.fromEntries([...names, ...Object.keys(texts)].map((name) => [name, { type: 'string' as const }])),
      },
    }).values
    if (values.help === true) {
      console.log(helpOf(example))
      return 0
    }
    const sizes: Record<string, number> = { ...(values.short === true ? example.short : example.full) }
    for (const name of names) {
      const value: unknown = values[name]
      if (value !== undefined) sizes[name] = positive(name, Number(value))
    }
    const chosen = Object.entries(texts).map(([name, preset]) => {
      const value = values[name]
      return [name, typeof value === 'string' ? value : preset] as const
    })
    // It has the names of `full`, each with a number.
    return { sizes: sizes as unknown as S, texts: Object.fromEntries(chosen) }
  } catch (error) {
    console.error(`${example.name}: ${error instanceof Error ? error.message : String(error)}`)
    return 2
  }
}

function positive(name: string, value: number): number {
  if (value > 0 && Number.isFinite(value)) return value
  throw new Error(`--${name} must be a number above 0`)
}

function helpOf(example: Pick<Example<Sizes>, 'about' | 'full' | 'short' | 'texts'>): string {
  const sizes = Object.entries(example.full).map(
    ([name, size]) => `  --${name} N  (${size}; --short: ${example.short[name]})`,
  )
  const texts = Object.entries(example.texts ?? {}).map(([name, preset]) => `  --${name} TEXT  (${preset || 'none'})`)
  return [example.about, '', '  --short  a few seconds, for CI', ...sizes, ...texts].join('\n')
}
