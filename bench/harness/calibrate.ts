import type { Case } from './measure.ts'

/** A shorter run says too little about the next one: the code that it runs is not compiled yet. */
const TELLING_MS = 100

/**
 * Gives each case as many operations as take about `sampleMs` here and now, so that slow and fast
 * subjects are measured equally long. Finding that out is their first warm-up.
 */
export async function calibrate(cases: readonly Omit<Case, 'operations'>[], sampleMs: number): Promise<Case[]> {
  const calibrated: Case[] = []
  for (const each of cases) {
    const perMs = await speed(each.run)
    calibrated.push({ ...each, operations: Math.max(1, Math.round(perMs * sampleMs)) })
  }
  return calibrated
}

async function speed(run: Case['run']): Promise<number> {
  for (let operations = 16; ; operations *= 4) {
    const start = performance.now()
    const done = await run(operations)
    const ms = performance.now() - start
    if (ms >= TELLING_MS) return done / ms
  }
}
