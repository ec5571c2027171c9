import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Checker, type Evidence, type Verdict } from '../soak/checker.ts'

const SECOND = 1_000_000

/** Judges journals, given as lines `kind run data id second`. */
async function judge(
  journals: readonly (readonly string[])[],
  evidence: Omit<Partial<Evidence>, 'journals'> = {},
  pathsOf: (path: string, index: number) => Partial<Evidence> = () => ({}),
): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-soak-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const paths = await Promise.all(
    journals.map(async (lines, i) => {
      const path = join(folder, `worker-${i}.journal`)
      const inUs = lines.map((line) => line.replace(/[\d.]+$/, (second) => String(Number(second) * SECOND)))
      await writeFile(path, inUs.map((line) => `${line}\n`).join(''))
      return path
    }),
  )
  const own = Object.assign({}, ...paths.map(pathsOf)) as Partial<Evidence>
  const none = { ids: [10, 11], absences: [], outages: [], stalls: [] }
  return await new Checker({ ...none, ...evidence, ...own, journals: paths }).judge()
}

const BOTH_DONE = ['s 1 0 10 1', 'd 1 0 10 1', 'a 1 0 10 1.1', 's 2 1 11 2', 'd 2 1 11 2', 'a 2 1 11 2.1']

describe('the checker of the soak', () => {
  test('finds nothing wrong where each task ran once', async () => {
    const verdict = await judge([BOTH_DONE])
    expect(verdict).toMatchObject({ runs: 2, acked: 2, violations: [] })
    expect(new Set(Object.values(verdict.duplicates))).toEqual(new Set([0]))
  })

  test('sees a task that was put and never done', async () => {
    const { violations } = await judge([BOTH_DONE.slice(0, 4)])
    expect(violations).toEqual([expect.stringMatching(/Task 11 .* never done/)])
  })

  test('does not miss a task whose put has an unknown outcome', async () => {
    expect((await judge([BOTH_DONE.slice(0, 3)], { ids: [10, -1] })).violations).toEqual([])
  })

  test('sees two confirmed acks of one task', async () => {
    const { violations } = await judge([BOTH_DONE, ['s 1 0 10 0.9', 'a 1 0 10 1.2']])
    expect(violations).toContainEqual(expect.stringMatching(/Task 10 .* 2 confirmed acks/))
  })

  test('sees a task that came back after its ack, also when the server was killed in between', async () => {
    const outages = [{ from: 2.2 * SECOND, to: 2.4 * SECOND }]
    const { violations } = await judge([BOTH_DONE, ['s 1 0 10 3']], { outages })
    expect(violations).toEqual([expect.stringMatching(/Payload 0 ran again for no known reason/)])
  })

  test('sees a run that nothing explains', async () => {
    const { violations } = await judge([BOTH_DONE.filter((line) => line !== 'a 1 0 10 1.1'), ['s 1 0 10 3']])
    expect(violations).toEqual([expect.stringMatching(/Payload 0 ran again for no known reason/)])
  })

  test('sees an id that two payloads had, and a payload that nobody put', async () => {
    const { violations } = await judge([BOTH_DONE, ['s 1 2 12 3']])
    expect(violations).toEqual(['Payload 2 was never put'])
    const reused = await judge([BOTH_DONE.map((line) => line.replace(' 1 11 ', ' 1 10 '))], { ids: [10, -1] })
    expect(reused.violations).toContain('Id 10 was given to payloads 0 and 1')
  })

  test.for([
    ['the handler had thrown', ['s 1 0 10 0.5', 'f 1 0 10 0.5'], {}],
    ['the outcome was not known', ['s 1 0 10 0.5', 'd 1 0 10 0.5', 'x 0 0 0 0.6'], {}],
    ['the session was lost', ['s 1 0 10 0.5', 'x 0 0 0 0.6'], {}],
    ['the server was killed', ['s 1 0 10 0.5'], { outages: [{ from: 0.6 * SECOND, to: 0.8 * SECOND }] }],
    ['the lease ended by its ttr', ['s 1 0 10 0.5', `g 0 ${0.4 * SECOND} 0 0.9`], {}],
  ] as const)('explains a repetition: %s', async ([cause, journal, evidence]) => {
    const { duplicates, violations } = await judge([BOTH_DONE, journal], evidence)
    expect({ violations, times: duplicates[cause] }).toEqual({ violations: [], times: 1 })
  })

  test('knows of a cut of which the worker has not heard yet', async () => {
    const cut = { kind: 'cut', from: 0.6 * SECOND, to: 0.6 * SECOND } as const
    const absences = (journal: string, i: number): Partial<Evidence> =>
      i === 1 ? { absences: [{ journal, ...cut }] } : {}
    const late = ['s 1 0 10 1.2', 'd 1 0 10 1.2', 'x 0 0 0 1.3']
    const { duplicates, violations } = await judge([BOTH_DONE, late], {}, absences)
    expect({ violations, times: duplicates['the session was lost'] }).toEqual({ violations: [], times: 1 })
  })

  test('explains a repetition: the worker was killed', async () => {
    const killed = { kind: 'killed', from: 0.6 * SECOND, to: 0.7 * SECOND } as const
    const absences = (journal: string, i: number): Partial<Evidence> =>
      i === 1 ? { absences: [{ journal, ...killed }] } : {}
    const { duplicates, violations } = await judge([BOTH_DONE, ['s 1 0 10 0.5']], {}, absences)
    expect({ violations, times: duplicates['the worker was killed'] }).toEqual({ violations: [], times: 1 })
  })
})
