import { writeFileSync } from 'node:fs'

/**
 * Writes the outcome of a vitest run as `{passed, failed, skipped}` to the file that
 * `VITEST_COUNTS_FILE` names. An error outside of any test, a hook that failed, and a file
 * that could not be loaded count as one failure each.
 */
export class CountReporter {
  /**
   * @param {readonly import('vitest/node').TestModule[]} modules
   * @param {readonly unknown[]} unhandledErrors
   */
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      counts.failed += module.errors().length
      for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
      for (const test of module.children.allTests()) counts[keyOf(test.result().state)] += 1
    }
    const file = process.env.VITEST_COUNTS_FILE
    if (file) writeFileSync(file, JSON.stringify(counts))
  }
}

/** A test that is still pending at the end has not passed. */
function keyOf(state) {
  return state === 'passed' || state === 'skipped' ? state : 'failed'
}

// vitest loads a reporter from a file as its default export.
export { CountReporter as default }
