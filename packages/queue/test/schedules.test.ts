import { expect, test } from 'vitest'
import { Queue } from '../src/queue.ts'
import { cron } from '../src/schedule/cron.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

const NOW = Date.parse('2026-11-22T12:00:00Z')
const HOUR = 3600

function start() {
  const caller = new FakeCaller()
  const clock = new FakeClock()
  const queue = new Queue(caller, {}, { clock, wall: () => NOW + clock.now() })
  return { caller, clock, queue, schedules: queue.schedules }
}

/** As the server describes a schedule. */
const wire = (fields: object) => ({
  ...{ name: 'beat', tube: 'push', state: 'active', kind: 'every', catch_up: 'last', grace: 60, count: 3, errors: 0 },
  ...fields,
})

test('a period goes out by the names of the server, and comes back by ours', async () => {
  const { caller, schedules } = start()
  const made = schedules.set('beat', {
    tube: 'push',
    data: { kind: 'beat' },
    put: { pri: 1 },
    every: 30,
    anchor: new Date(NOW),
    catchUp: 'none',
    ends: new Date(NOW + 1500),
    ifExists: 'keep',
  })
  const call = await caller.next('queue.schedule')
  expect(call.args[0]).toBe('beat')
  expect(call.args[1]).toEqual({
    ...{ tube: 'push', data: { kind: 'beat' }, opts: { pri: 1 }, every: 30, anchor: NOW / 1000, catch_up: 'none' },
    ...{ ends: NOW / 1000 + 1.5, if_exists: 'keep' },
  })
  call.answer(wire({ every: 30, anchor: NOW / 1000, next: NOW / 1000 + 30, data: { kind: 'beat' } }))
  expect(await made).toEqual({
    ...{ name: 'beat', tube: 'push', state: 'active', kind: 'every', catchUp: 'last', grace: 60, count: 3, errors: 0 },
    ...{ every: 30, anchor: new Date(NOW), next: new Date(NOW + 30_000), data: { kind: 'beat' } },
  })
})

test('a rule goes out as its text and a hundred ticks', async () => {
  const { caller, schedules } = start()
  const made = schedules.set('hourly', { tube: 'push', times: cron('0 * * * *', 'Europe/Paris') })
  const get = await caller.next('queue.schedule_get')
  get.answer()
  const call = await caller.next('queue.schedule')
  const { ticks, ...rest } = call.args[1] as { ticks: number[] }
  expect(rest).toEqual({ tube: 'push', cron: '0 * * * *', tz: 'Europe/Paris' })
  expect(ticks).toEqual(Array.from({ length: 100 }, (_, i) => NOW / 1000 + (i + 1) * HOUR))
  call.answer(wire({ kind: 'ticks' }))
  expect(await made).toMatchObject({ kind: 'ticks' })
})

test('a rule that stands already keeps its ticks, and is sent those that are missing', async () => {
  const { caller, schedules } = start()
  void schedules.set('hourly', { tube: 'push', times: cron('0 * * * *') })
  const last = NOW / 1000 + 99 * HOUR
  const get = await caller.next('queue.schedule_get')
  get.answer(wire({ kind: 'ticks', cron: '0 * * * *', tz: 'UTC', ticks_left: 99, last_known: last }))
  const call = await caller.next('queue.schedule')
  expect(call.args[1]).toMatchObject({ ticks: [last + HOUR] })
})

test.each([
  [{ every: 1, times: cron('@daily') }, 'every'],
  [{}, 'every'],
  [{ every: -1 }, 'every'],
  [{ every: 1, anchor: new Date('never') }, 'anchor'],
  [{ every: 1, ends: 5 }, 'ends'],
  [{ every: 1, limit: 0 }, 'limit'],
  [{ every: 1, put: { at: new Date() } }, 'put.at'],
  [{ every: 1, put: { pri: 0.5 } }, 'pri'],
  [{ every: 1, tube: '' }, 'tube'],
])('options %j are refused by name, and nothing is sent', async (options, name) => {
  const { caller, schedules } = start()
  const made = schedules.set('beat', { tube: 'push', ...options } as never)
  await expect(made).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: expect.stringContaining(`\`${name}\``),
  })
  expect(caller.calls).toEqual([])
})

test('the list is read page by page', async () => {
  const { caller, schedules } = start()
  const names: string[] = []
  const read = (async () => {
    for await (const { name } of schedules.list()) names.push(name)
  })()
  const first = await caller.next('queue.schedules')
  expect(first.args).toEqual([{ limit: 1000 }])
  first.answer(Array.from({ length: 1000 }, (_, i) => wire({ name: `s${i}` })))
  const second = await caller.next('queue.schedules')
  expect(second.args).toEqual([{ limit: 1000, after: 's999' }])
  second.answer([wire({ name: 'z' })])
  await read
  expect(names).toHaveLength(1001)
})

test('remove, pause, resume and run name the schedule; without one get is undefined', async () => {
  const { caller, schedules } = start()
  const answers = [
    schedules.remove('a'),
    schedules.pause('a'),
    schedules.resume('a'),
    schedules.run('a'),
    schedules.get('a'),
  ]
  for (const [fn, answer] of [
    ['queue.unschedule', true],
    ['queue.schedule_pause', wire({ state: 'paused' })],
    ['queue.schedule_resume', wire({})],
    ['queue.schedule_run', [7, 'r', null]],
    ['queue.schedule_get', null],
  ] as const) {
    const call = await caller.next(fn)
    expect(call.args).toEqual(['a'])
    call.answer(answer)
  }
  expect(await Promise.all(answers)).toMatchObject([
    true,
    { state: 'paused' },
    { state: 'active' },
    { id: 7, state: 'ready' },
    undefined,
  ])
})

test('an answer of another shape is an error, not a schedule', async () => {
  const { caller, schedules } = start()
  const got = schedules.get('a')
  ;(await caller.next()).answer([1])
  await expect(got).rejects.toMatchObject({ code: 'UNEXPECTED_REPLY' })
})

/** A list that is nearly out of ticks. */
const low = (name: string, fields: object = {}) =>
  wire({ name, kind: 'ticks', cron: '0 * * * *', tz: 'UTC', ticks_left: 1, last_known: NOW / 1000 + HOUR, ...fields })

test('a keeper tops up what is low, again when its time has come, and tells of what it cannot read', async () => {
  const { caller, clock, schedules } = start()
  const keeper = schedules.keep({ times: cron, everyMs: 1000 })
  const told: unknown[] = []
  keeper.on('toppedUp', (...args) => told.push(args))
  keeper.on('refused', (error, name) => told.push([name, (error as Error).message]))
  const list = await caller.next('queue.schedules')
  list.answer([
    low('bad', { cron: 'on full moons' }),
    low('full', { ticks_left: 60, last_known: NOW / 1000 + 60 * HOUR }),
    low('hourly'),
    low('handmade', { cron: undefined }),
    wire({ name: 'period', every: 5 }),
  ])
  const call = await caller.next('queue.schedule_top_up')
  expect(call.args[0]).toBe('hourly')
  expect(call.args[1]).toHaveLength(99)
  call.answer({ added: 99, ticks_left: 100, last_known: NOW / 1000 + 100 * HOUR })
  await settle()
  expect(told).toEqual([
    ['bad', expect.stringContaining('cron expression')],
    ['hourly', 99],
    ['handmade', expect.stringContaining('without a rule')],
  ])
  expect(caller.unseen).toEqual([])
  clock.advance(1250)
  await caller.next('queue.schedules')
})

test('a keeper outlasts a refused call, and looks at once when there is a new session', async () => {
  const { caller, schedules } = start()
  const keeper = schedules.keep({ times: cron })
  const refused = new Promise((resolve) => keeper.once('refused', (...args) => resolve(args)))
  const lost = new Error('lost')
  ;(await caller.next('queue.schedules')).fail(lost)
  expect(await refused).toEqual([lost, undefined])
  await settle()
  caller.emit('connect')
  const again = await caller.next('queue.schedules')
  again.answer([low('hourly')])
  const second = new Promise((resolve) => keeper.once('refused', (...args) => resolve(args)))
  ;(await caller.next('queue.schedule_top_up')).fail(lost)
  expect(await second).toEqual([lost, 'hourly'])
})

test('a session that comes during a look makes another one follow', async () => {
  const { caller, schedules } = start()
  schedules.keep({ times: cron })
  const first = await caller.next('queue.schedules')
  caller.emit('connect')
  first.answer([])
  ;(await caller.next('queue.schedules')).answer([])
})

test('the queue closes its keepers: they wait for their call, and leave no timer', async () => {
  const { caller, clock, queue, schedules } = start()
  const asleep = schedules.keep({ times: cron })
  ;(await caller.next('queue.schedules')).answer([])
  await settle()
  expect(clock.sleeping).toBe(1)
  schedules.keep({ times: cron })
  const list = await caller.next('queue.schedules')
  let isClosed = false
  const closing = queue.close().then(() => {
    isClosed = true
  })
  await settle()
  expect([isClosed, clock.sleeping]).toEqual([false, 0])
  list.answer([low('hourly')])
  await closing
  expect(caller.unseen).toEqual([])
  await asleep.close()
})
