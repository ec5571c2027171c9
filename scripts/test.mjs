import { setup } from './setup.mjs'
import { runScript, SetupError } from './setup-error.mjs'
import { STEPS } from './steps.mjs'

// npm test [-- STEP|GROUP …]: sets up, runs the steps, goes on after a failed one, and ends with
// the line `N passed, N failed`.
await runScript(async () => {
  const steps = chosenSteps(process.argv.slice(2))
  const { tarantool } = await setup({ build: false })
  print(`Node ${process.versions.node}, Tarantool ${tarantool.version}`)

  const outcomes = []
  for (const step of steps) outcomes.push(await runStep(step, tarantool.path))

  print('')
  for (const { name, counts, seconds } of outcomes) {
    const verdict = counts.failed > 0 ? 'FAIL' : 'ok'
    print(
      `${verdict.padEnd(5)}${name.padEnd(12)}${`${counts.passed} passed, ${counts.failed} failed`.padEnd(26)}${seconds.toFixed(1)} s`,
    )
  }
  const sum = (key) => outcomes.reduce((total, { counts }) => total + counts[key], 0)
  if (sum('skipped') > 0) print(`${sum('skipped')} skipped`)
  print(`${sum('passed')} passed, ${sum('failed')} failed`)
  return sum('failed') === 0 ? 0 : 1
})

/** @param {readonly string[]} words names of steps or groups; none means all, and nothing goes without a build */
function chosenSteps(words) {
  const known = new Set(STEPS.flatMap(({ name, group }) => [name, group]))
  for (const word of words) {
    if (!known.has(word))
      throw new SetupError(`There is no test step ${JSON.stringify(word)}. Steps and groups: ${[...known].join(', ')}`)
  }
  return words.length === 0
    ? STEPS
    : STEPS.filter(({ name, group }) => name === 'compile' || words.includes(name) || words.includes(group))
}

/**
 * @param {import('./steps.mjs').Step} step
 * @param {string} tarantool
 */
async function runStep({ name, run }, tarantool) {
  print(`\n# ${name}`)
  const start = performance.now()
  const counts = await run(tarantool).catch((error) => {
    print(error instanceof SetupError ? error.message : String(error?.stack ?? error))
    return { passed: 0, failed: 1, skipped: 0 }
  })
  return { name, counts, seconds: (performance.now() - start) / 1000 }
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`)
}
