/**
 * Counts the outcomes of one TAP document: its top-level tests. Nested ones belong to the test that
 * holds them and are indented. A test that never ran counts as failed: the plan (`1..N`) tells.
 *
 * @param {string} text
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countTap(text) {
  let [passed, failed, skipped] = [0, 0, 0]
  let planned
  for (const line of text.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line)
    if (plan) planned = Number(plan[1])
    else if (/^(not )?ok\b.*# *skip/i.test(line)) skipped += 1
    else if (/^ok\b/.test(line)) passed += 1
    else if (/^not ok\b/.test(line)) failed += 1
  }
  const ran = passed + failed + skipped
  // No plan at all means that the script ended before it could say how many tests there are.
  const lost = planned === undefined ? (ran === 0 ? 1 : 0) : Math.abs(planned - ran)
  return { passed, failed: failed + lost, skipped }
}
