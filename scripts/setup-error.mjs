/** The machine lacks something that set-up cannot bring: its text says what to do, no stack is needed. */
export class SetupError extends Error {}

/**
 * Runs the body of a command-line script: a SetupError ends it with its text and exit code 1,
 * any other error keeps its stack.
 *
 * @param {() => Promise<number>} body resolves to the exit code
 */
export async function runScript(body) {
  try {
    process.exitCode = await body()
  } catch (error) {
    process.stderr.write(
      `${error instanceof SetupError ? error.message : error instanceof Error ? error.stack : error}\n`,
    )
    process.exitCode = 1
  }
}
