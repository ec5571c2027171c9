import { parseArgs } from 'node:util'
import { CAUSES } from './checker.ts'
import { FAULTS } from './faults.ts'
import { type SoakReport, soak } from './soak.ts'

const HELP = `npm run soak -- [--minutes N] [--seed N] [--workers N] [--every-ms N]

Puts and does tasks for N minutes (10; 0.5 is half a minute) while workers are killed and stopped, connections cut, replies
lost and the server killed; then checks that nothing was lost and nothing was acked twice. About a million tasks in five
minutes. The seed chooses what breaks, and when; the exit code is 1 if the checker finds anything.
`

function positive(name: string, text: string): number {
  const value = Number(text)
  if (value > 0 && Number.isFinite(value)) return value
  process.stderr.write(`--${name} takes a number above 0, not ${JSON.stringify(text)}\n`)
  process.exit(2)
}

function print({ seed, seconds, confirmed, unknown, faults, verdict, workerHeap, serverMemory }: SoakReport): void {
  const count = (value: number): string => value.toLocaleString('en').padStart(12)
  const lines = [
    `seed ${seed}, ${seconds.toFixed(0)} s`,
    `${count(confirmed)} puts confirmed, ${unknown} with an outcome that is not known`,
    `${count(verdict.runs)} runs of the handler`,
    `${count(verdict.acked)} acks confirmed`,
    'what was broken:',
    ...FAULTS.map((fault) => `${count(faults[fault])} ${fault}`),
    'tasks that ran again, because:',
    ...CAUSES.map((cause) => `${count(verdict.duplicates[cause])} ${cause}`),
    `heap of a worker: ${workerHeap[0].toFixed(1)} MiB after a quarter, ${workerHeap[1].toFixed(1)} at the end`,
    `memory of the server: ${serverMemory[0].toFixed(0)} MiB after a quarter, ${serverMemory[1].toFixed(0)} at the end`,
    verdict.violations.length === 0
      ? 'Nothing lost, nothing acked twice, every repetition explained.'
      : `WRONG:\n${verdict.violations.join('\n')}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    workers: { type: 'string', default: '3' },
    'every-ms': { type: 'string', default: '3000' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(HELP)
else {
  const seed = Number(values.seed)
  // An exit in order: what was started ends with the process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  process.stdout.write(`seed ${seed}\n`)
  const report = await soak({
    minutes: positive('minutes', values.minutes),
    seed,
    workers: Math.max(2, positive('workers', values.workers)),
    faultEveryMs: positive('every-ms', values['every-ms']),
  })
  print(report)
  process.exitCode = report.verdict.violations.length === 0 ? 0 : 1
}
