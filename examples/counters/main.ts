import { type Client, connect, ops } from '@tarantella/connector'
import { check, runExample } from '../server/run-example.ts'
import { TarantoolServer } from '../server/tarantool-server.ts'
import { ConflictError, Profiles, type Versioned } from './profiles.ts'

interface Sizes extends Readonly<Record<string, number>> {
  /** Updates of one row at a time. */
  readonly updates: number
}

await runExample<Sizes>({
  name: 'counters',
  about: 'Many writers change the same rows at once: counters, sets, texts, and compare-and-set by version.',
  full: { updates: 10_000 },
  short: { updates: 500 },
  run: async ({ updates }) => {
    await using server = await TarantoolServer.start({ file: new URL('server.lua', import.meta.url) })
    await using tnt = await connect(server.uri('app'))
    await count(tnt, updates)
    await edit(tnt)
    const profiles = new Profiles(tnt)
    await collect(profiles)
    await compareAndSet(profiles)
  },
})

/** `+` on a row that is there, and upsert on one that may not be. */
async function count(tnt: Client, updates: number): Promise<void> {
  await tnt.replace('counters', ['visits', 0])
  await atOnce(50, () => tnt.update('counters', 'visits', [ops.add('count', 1)]))
  check('50 increments at once add 50', await tnt.get('counters', 'visits'), ['visits', 50])

  await atOnce(updates, (i) => tnt.update('counters', 'visits', [i % 2 === 0 ? ops.add(1, 3) : ops.subtract(1, 2)]))
  const expected = 50 + Math.ceil(updates / 2) * 3 - Math.floor(updates / 2) * 2
  check(`${updates} additions and subtractions at once all count`, await tnt.get('counters', 'visits'), [
    'visits',
    expected,
  ])

  await atOnce(50, () => tnt.upsert('counters', ['signups', 1], [ops.add(1, 1)]))
  check('50 upserts of a counter that was not there make one row of 50', await tnt.get('counters', 'signups'), [
    'signups',
    50,
  ])
}

/** `=` sets, `:` cuts and pastes within a text; neither needs the row to be read before. */
async function edit(tnt: Client): Promise<void> {
  await tnt.replace('profiles', [1, 1, 'Zoe the baker', false, {}])
  const [, , name, active] =
    (await tnt.update('profiles', 1, [ops.splice('name', 8, 5, 'miller'), ops.set('active', true)])) ?? []
  check('a splice changes its part of the text', name, 'Zoe the miller')
  check('a flag is set', active)

  // Each pastes one letter behind the three that stay: all letters arrive, in whatever order.
  await atOnce(26, (i) => tnt.update('profiles', 1, [ops.splice('name', 3, 0, String.fromCharCode(97 + i))]))
  const [, , long = ''] = (await tnt.get<[number, number, string]>('profiles', 1)) ?? []
  check(
    '26 splices at once lose no letter',
    Array.from(long.slice(3, 29)).sort().join(''),
    'abcdefghijklmnopqrstuvwxyz',
  )
}

/** A set with members that come and go at once. */
async function collect(profiles: Profiles): Promise<void> {
  await profiles.create({ id: 2, name: 'Ann', active: true, tags: { old: true } })
  const members = Array.from({ length: 20 }, (_, i) => `tag${i}`)
  await Promise.all([
    ...members.map((tag) => profiles.addTag(2, tag)),
    profiles.removeTag(2, 'old'),
    profiles.removeTag(2, 'none'),
  ])
  check('20 members come and one goes at once', Object.keys((await profiles.get(2))?.tags ?? {}).sort(), members.sort())
}

async function compareAndSet(profiles: Profiles): Promise<void> {
  const read = await profiles.create({ id: 3, name: 'Bob', active: true, tags: {} })

  const results = await Promise.allSettled([
    profiles.save({ ...read, name: 'Bert' }),
    profiles.save({ ...read, name: 'Rob' }),
  ])
  const conflicts = results.filter((result) => result.status === 'rejected' && result.reason instanceof ConflictError)
  check('of two writers with the same version one gets a ConflictError', conflicts.length, 1)
  check('and the other is written', (await profiles.get(3))?.name, 'Bert')

  // The last one to write wins.
  const mineWins = (mine: Versioned): Versioned => mine
  const old = await present(profiles, 3)
  await profiles.saveResolved({ ...old, name: 'first' }, mineWins)
  await profiles.saveResolved({ ...old, name: 'second' }, mineWins)
  check('with a last-written resolver both succeed and the later one stays', (await profiles.get(3))?.name, 'second')

  // A resolver that merges loses nobody's change.
  const base = await present(profiles, 3)
  await atOnce(20, (i) =>
    profiles.saveResolved({ ...base, tags: { ...base.tags, [`by${i}`]: true } }, (mine, theirs) => ({
      ...theirs,
      tags: { ...theirs.tags, ...mine.tags },
    })),
  )
  const merged = await present(profiles, 3)
  check('with a merging resolver 20 writers of one version lose nothing', Object.keys(merged.tags).length, 20)
  check('and each of them has made a version', merged.version, base.version + 20)
}

async function present(profiles: Profiles, id: number): Promise<Versioned> {
  const profile = await profiles.get(id)
  if (profile === undefined) throw new Error(`profile ${id} is gone`)
  return profile
}

async function atOnce(times: number, work: (i: number) => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: times }, (_, i) => work(i)))
}
