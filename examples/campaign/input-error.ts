/** What the user gave cannot be used: `main.ts` prints the sentence and ends with exit code 2. */
export class InputError extends Error {
  override readonly name = 'InputError'
}
