/** Values of one kind. They differ from each other, so that no codec can live on remembering the last one. */
export interface Shape {
  readonly name: string
  readonly values: readonly unknown[]
  /** Holds integers beyond 2^53, as bigint. */
  readonly isWide: boolean
}

/** A power of two, for a cheap way round. */
export const VARIANTS = 64

const TEXT = 'Your parcel has arrived. Bring the code and a document; the locker is open until midnight. '
const CYRILLIC = 'Ваша посылка прибыла. Возьмите код и документ, постамат открыт до полуночи. '

/** As `take` gives it: id, state, payload. */
function taskTuple(i: number): unknown {
  return [
    1_000_000 + i * 7919,
    't',
    { user: 5_000_000_000 + i, text: 'Your horoscope is here', badge: i, silent: false },
  ]
}

/** A payload of nine fields, 230 bytes. */
function nestedMap(i: number): unknown {
  return {
    id: 1_000_000 + i,
    user: `user-${1000 + i}@example.com`,
    title: 'Your parcel has arrived',
    body: 'Bring the code and a document.',
    created: 1_793_181_600_000 + i * 1000,
    rate: 0.5 + i / 7,
    silent: i % 2 === 0,
    data: { order: `A-${i}`, items: [i, i + 1, i + 2], address: { city: 'Tver', house: i } },
    tags: ['push', 'ios', `shard-${i % 8}`],
  }
}

/** Thirty columns of a table. */
function wideRow(i: number): unknown {
  const columns = (block: number): unknown[] => [
    i * 31 + block,
    `name-${i}-${block}`,
    block % 2 === 0,
    null,
    i / 3 + block,
    -1 - i - block * 1000,
    1_793_181_600_000 + i,
    'active',
    `${i}${block}-4c1e-9f00-5b1d0a7c2e11`,
    block,
  ]
  return [0, 1, 2].flatMap(columns)
}

/** Of all sizes up to 32 bits. */
function integers(i: number): unknown {
  return Array.from({ length: 100 }, (_, k) => ((i + k) * 2_654_435_761) >>> (k % 32))
}

const shape = (name: string, value: (i: number) => unknown, isWide = false): Shape => ({
  name,
  values: Array.from({ length: VARIANTS }, (_, i) => value(i)),
  isWide,
})

export const SHAPES: readonly Shape[] = [
  shape('task tuple', taskTuple),
  shape('nested map', nestedMap),
  shape('wide row', wideRow),
  shape('integers', integers),
  shape('long text', (i) => [i, TEXT.repeat(20 + (i % 8))]),
  shape('Cyrillic text', (i) => [i, CYRILLIC.repeat(1 + (i % 3))]),
  shape('64-bit integers', (i) => Array.from({ length: 8 }, (_, k) => 2n ** 64n - 1n - BigInt(i * 8 + k)), true),
]
