/**
 * Writes `data/recipients.csv`, the 10 000 recipients that the demo sends to. The same on every machine:
 *
 *     node --import tsx examples/campaign/make-recipients.ts
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { seededRandom } from './random.ts'
import { ZONE_WEIGHTS } from './zone-weights.ts'

const SEED = 20_261_121
/** Phones in use, roughly: 28 % iOS. */
const IOS_SHARE = 0.28

/**
 * The recipients as CSV text with a header line; every zone of {@link ZONE_WEIGHTS} is there at least once.
 *
 * @param count how many rows, at least as many as there are zones
 */
export function recipientsCsv(count: number): string {
  const random = seededRandom(SEED)
  const zones = Object.keys(ZONE_WEIGHTS)
  const chosen = [...zones]
  while (chosen.length < count) chosen.push(weightedZone(random()))
  shuffle(chosen, random)
  const lines = ['id,platform,zone,token']
  for (const [index, zone] of chosen.entries()) {
    const id = `u${String(index + 1).padStart(5, '0')}`
    const platform = random() < IOS_SHARE ? 'ios' : 'android'
    lines.push(`${id},${platform},${zone},${token(random)}`)
  }
  return `${lines.join('\n')}\n`
}

/** The zone at which the running sum of weights passes `share` (0 to 1) of the whole. */
function weightedZone(share: number): string {
  const entries = Object.entries(ZONE_WEIGHTS)
  let rest = share * entries.reduce((sum, [, weight]) => sum + weight, 0)
  for (const [zone, weight] of entries) {
    rest -= weight
    if (rest < 0) return zone
  }
  return 'Asia/Kolkata' // reached only by rounding of the last sum
}

/** Fisher and Yates, in place. */
function shuffle(list: string[], random: () => number): void {
  for (let last = list.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    const moved = list[last] ?? ''
    list[last] = list[other] ?? ''
    list[other] = moved
  }
}

function token(random: () => number): string {
  let text = ''
  for (let i = 0; i < 4; i++) {
    text += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0')
  }
  return text
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('data/recipients.csv', import.meta.url), recipientsCsv(10_000))
}
