import { expect, test } from 'vitest'
import { FAULTS } from '../soak/faults.ts'
import { soak } from '../soak/soak.ts'

// The short form of `npm run soak`: each fault once or twice.
test('requirement 40: over killed workers, cut connections, lost replies and a killed server no task is lost and none is acked twice', async () => {
  const seed = Date.now() % 1_000_000
  const report = await soak({ minutes: 0.2, seed, workers: 3, faultEveryMs: 800 })
  expect({ seed, violations: report.verdict.violations }).toEqual({ seed, violations: [] })
  expect(report.confirmed).toBeGreaterThan(1000)
  expect(report.verdict.acked).toBeGreaterThan(1000)
  for (const fault of FAULTS) expect({ fault, times: report.faults[fault] }).not.toEqual({ fault, times: 0 })
}, 300_000)
