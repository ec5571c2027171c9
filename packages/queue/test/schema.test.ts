import { decode, type RawMsgpack } from '@tarantella/connector'
import * as v from 'valibot'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import type { PayloadSchema } from '../src/payload/schema.ts'
import { Queue } from '../src/queue.ts'
import type { Task } from '../src/task.ts'
import type { Tube } from '../src/tube.ts'
import { FakeCaller, FakeClock, settle } from './fake-caller.ts'

interface Input {
  readonly user: number
  readonly at?: string | undefined
}

interface Output {
  readonly user: number
  readonly at: string
}

/** A schema by hand that takes time. */
const slow: PayloadSchema<Input, Output> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      await Promise.resolve()
      const { user, at } = value as Input
      if (typeof user === 'number') return { value: { user, at: at ?? 'now' } }
      return { issues: [{ message: 'no number', path: ['user'] }] }
    },
  },
}

const schemas = {
  zod: z.object({ user: z.number(), at: z.string().default('now') }) satisfies PayloadSchema<Input, Output>,
  valibot: v.object({ user: v.number(), at: v.optional(v.string(), 'now') }) satisfies PayloadSchema<Input, Output>,
  'one by hand, with a promise': slow,
}

function start(schema: PayloadSchema<Input, Output>) {
  const caller = new FakeCaller()
  const queue = new Queue(caller, {}, { clock: new FakeClock() })
  return { caller, queue, tube: queue.tube('push', { schema }) }
}

describe.each(Object.entries(schemas))('a schema of %s', (_name, schema) => {
  test('refuses a bad payload before anything is sent, and names the place', async () => {
    const { caller, tube } = start(schema)
    const bad = { user: 'x' as unknown as number }
    await expect(tube.put(bad)).rejects.toMatchObject({
      name: 'PayloadError',
      code: 'PAYLOAD_INVALID',
      sent: false,
      message: expect.stringMatching(/^A payload is not as the schema of tube push says: user: /),
      issues: [{ path: 'user' }],
    })
    await expect(tube.putMany([{ data: { user: 1 } }, { data: bad }])).rejects.toMatchObject({
      code: 'PAYLOAD_INVALID',
    })
    await settle()
    expect(caller.calls).toEqual([])
  })

  test('stores a payload as it was given, and gives tasks what it makes of it', async () => {
    const { caller, tube } = start(schema)
    void tube.put({ user: 1 })
    const put = await caller.next('queue.put_many')
    expect((put.args[1] as RawMsgpack[]).map((item) => decode(item.bytes))).toEqual([[{ user: 1 }]])
    const taking = tube.take()
    ;(await caller.next('queue.take_many')).answer([[1, 't', { user: 1 }, 11]])
    expect((await taking)?.data).toEqual({ user: 1, at: 'now' })
  })

  test('keeps a bad task aside, and tells of it', async () => {
    const { caller, tube } = start(schema)
    const taking = tube.take()
    ;(await caller.next('queue.take_many')).answer([[1, 't', { user: 'x' }, 11]])
    const aside = await caller.next('queue.fail_many')
    expect(aside.args[1]).toMatchObject([[1, 11, { final: true, error: expect.stringContaining('PAYLOAD_INVALID') }]])
    aside.answer([[1, '!']])
    await expect(taking).rejects.toMatchObject({ code: 'PAYLOAD_INVALID', id: 1, issues: [{ path: 'user' }] })
  })

  test('gives handlers of a worker good tasks alone', async () => {
    const { caller, tube } = start(schema)
    const seen: Output[] = []
    const worker = tube.work((task) => seen.push(task.data), { concurrency: 2, prefetch: 0 })
    const told: number[] = []
    worker.on('undecodable', (task) => told.push(task.id))
    ;(await caller.next('queue.take_many')).answer([
      [1, 't', { user: 'x' }, 11],
      [2, 't', { user: 2 }, 12],
    ])
    await settle()
    expect([seen, told]).toEqual([[{ user: 2, at: 'now' }], [1]])
    void worker.close()
  })
})

test('a worker that closes while a schema takes its time gives the task back', async () => {
  let validate: (user: number) => void = () => undefined
  const waiting = new Promise<{ value: Output }>((resolve) => {
    validate = (user) => {
      resolve({ value: { user, at: '' } })
    }
  })
  const { caller, tube } = start({ '~standard': { version: 1, vendor: 'test', validate: () => waiting } })
  const worker = tube.work(() => new Promise(() => undefined), { concurrency: 1, prefetch: 1 })
  ;(await caller.next('queue.take_many')).answer([
    [1, 't', {}, 11],
    [2, 't', {}, 12],
  ])
  await settle()
  void worker.close()
  await settle()
  expect(caller.unseen).toEqual([])
  validate(1)
  const back = await caller.next('queue.release_many')
  expect(back.args[1]).toEqual([[2, 12]])
})

test('what is no schema is refused', () => {
  const queue = new Queue(new FakeCaller())
  expect(() => queue.tube('push', { schema: {} as PayloadSchema })).toThrow('`schema`')
})

test('a tube has the types of its schema', () => {
  const queue = new Queue(new FakeCaller())
  const tube = queue.tube('push', { schema: schemas.zod })
  expectTypeOf(tube).toEqualTypeOf<Tube<{ user: number; at: string }, { user: number; at?: string | undefined }>>()
  expectTypeOf(tube.take).returns.resolves.toEqualTypeOf<Task<{ user: number; at: string }> | undefined>()
  expectTypeOf(queue.tube('mail', { schema: schemas.valibot }).put)
    .parameter(0)
    .toEqualTypeOf<{ user: number; at?: string | undefined }>()
  expectTypeOf(queue.tube<number>('plain')).toEqualTypeOf<Tube<number>>()
  expectTypeOf(queue.tube<number>('json', { serializer: 'json' })).toEqualTypeOf<Tube<number>>()
})
