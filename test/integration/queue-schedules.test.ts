import { once } from 'node:events'
import { type Queue, scheduleLocal } from '@tarantella/queue'
import { cron } from '@tarantella/queue/schedules'
import { expect, test } from 'vitest'
import { startQueue } from '../helpers/start-queue.ts'

/** Takes `count` tasks of a tube and gives their payloads. */
async function takeAll(queue: Queue, tube: string, count: number): Promise<unknown[]> {
  const seen: unknown[] = []
  while (seen.length < count) {
    const task = await queue.tube(tube).take(10)
    if (task === undefined) throw new Error(`only ${seen.length} of ${count} tasks came`)
    seen.push(task.data)
    await task.ack()
  }
  return seen
}

test('a period puts a task a tick, says where it is, and goes on when it is said again', async () => {
  const server = await startQueue('push:fifottl')
  const producer = await server.queue('producer')
  const options = { tube: 'push', data: { kind: 'beat' }, put: { pri: 3 }, every: 0.1, limit: 4 }
  expect(await producer.schedules.set('beat', options)).toMatchObject({
    kind: 'every',
    every: 0.1,
    count: 0,
    data: options.data,
  })
  const consumer = await server.queue('consumer')
  expect(await takeAll(consumer, 'push', 2)).toEqual([options.data, options.data])
  expect((await producer.schedules.set('beat', options)).count).toBeGreaterThanOrEqual(2)
  await takeAll(consumer, 'push', 2)
  expect(await producer.schedules.get('beat')).toMatchObject({ state: 'ended', count: 4, limit: 4, opts: { pri: 3 } })
  expect(await producer.schedules.remove('beat')).toBe(true)
  expect(await producer.schedules.get('beat')).toBeUndefined()
  await expect(producer.schedules.pause('beat')).rejects.toMatchObject({ code: 'SCHEDULE_NOT_FOUND' })
})

test('a rule is kept in ticks: what one process began another one tops up, and tasks come on time', async () => {
  const server = await startQueue('push:fifottl')
  const producer = await server.queue('producer')
  const rule = cron('* * * * * *', 'Asia/Kolkata')
  // As one that has not been topped up for long.
  const pages = [rule.next(new Date(), 60).slice(57)]
  await producer.schedules.set('seconds', {
    tube: 'push',
    data: 1,
    times: { ...rule, next: () => pages.shift() ?? [] },
  })
  expect(await producer.schedules.get('seconds')).toMatchObject({ ticksLeft: 3, cron: rule.cron, tz: rule.tz })

  const other = await server.queue('producer')
  const keeper = other.schedules.keep({ times: cron })
  expect(await once(keeper, 'toppedUp')).toEqual(['seconds', 997])
  expect(await producer.schedules.set('seconds', { tube: 'push', data: 1, times: rule })).toMatchObject({
    ticksLeft: 1000,
  })
  await other.close()
})

test('a rule puts its tasks, may be paused, and is listed with the others', async () => {
  const server = await startQueue('push:fifottl')
  const producer = await server.queue('producer')
  const { schedules } = producer
  await schedules.set('seconds', { tube: 'push', data: 'tick', times: cron('* * * * * *') })
  await schedules.set('mornings', { tube: 'push', times: cron('0 9 * * MON-FRI', 'Europe/Berlin') })
  const consumer = await server.queue('consumer')
  expect(await takeAll(consumer, 'push', 2)).toEqual(['tick', 'tick'])
  expect(await schedules.pause('seconds')).toMatchObject({ state: 'paused' })
  const listed: unknown[] = []
  for await (const { name, state, tz } of schedules.list()) listed.push([name, state, tz])
  expect(listed).toEqual([
    ['mornings', 'active', 'Europe/Berlin'],
    ['seconds', 'paused', 'UTC'],
  ])
  expect(await schedules.run('mornings')).toMatchObject({ state: 'ready' })
  expect(await schedules.resume('seconds')).toMatchObject({ state: 'active' })
})

test('requirement 20: a task for a local time waits on the server, over a restart, and keeps its short ttl', async () => {
  const server = await startQueue('push:fifottl')
  const producer = await server.queue('producer')
  const tube = producer.tube('push')
  const morning = scheduleLocal({ time: '09:00', tz: 'Pacific/Auckland' })
  const { id, state } = await tube.put('later', { at: morning, ttl: 1800 })
  expect(state).toBe('delayed')
  // What local time it is in a second, in a zone of its own.
  const soon = new Date(Date.now() + 1500)
  const time = soon.toISOString().slice(11, 23)
  const date = soon.toISOString().slice(0, 10)
  await tube.put('soon', { at: scheduleLocal({ time, date, tz: 'UTC' }) })
  const consumer = await server.queue('consumer')
  const task = await consumer.tube('push').take(5)
  expect([task?.data, Date.now() >= soon.getTime()]).toEqual(['soon', true])
  await server.stop()
  await server.restart()
  expect(await tube.peek(id)).toMatchObject({ state: 'delayed', data: 'later' })
})

test('requirement 22: a task that was put ahead is moved and cancelled by its key', async () => {
  const server = await startQueue('')
  const queue = await server.queue()
  const tube = await queue.createTube<string>('mailings', { type: 'fifottl', dedup: true })
  const { id } = await tube.put('first', { key: 'm7', at: new Date(Date.now() + 3_600_000) })
  await tube.put('other', { key: 'm8', at: new Date(Date.now() + 3_600_000) })
  const soon = Date.now() + 300
  const moved = await tube.put('second', { key: 'm7', dedup: 'replace', extend: true, at: new Date(soon) })
  expect(moved).toEqual({ id, state: 'delayed', dedup: 'replaced' })
  const task = await tube.take(5)
  expect([task?.id, task?.data, Date.now() >= soon]).toEqual([id, 'second', true])
  expect(await tube.cancel('m8')).toBe(true)
  expect(await tube.find({ key: 'm8' })).toBeUndefined()
  expect((await queue.statistics('mailings')).tasks).toMatchObject({ delayed: 0, taken: 1 })
})
