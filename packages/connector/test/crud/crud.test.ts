import { describe, expect, test } from 'vitest'
import { Crud } from '../../src/crud/crud.ts'

type Call = readonly [name: string, args: readonly unknown[]]

/** A crud over a caller that notes what it is asked for, and answers with `result`. */
function answering(...result: unknown[]): { crud: Crud; calls: Call[] } {
  const calls: Call[] = []
  const call = (name: string, args: readonly unknown[]): Promise<unknown[]> => {
    calls.push([name, args])
    return Promise.resolve(result)
  }
  return { crud: new Crud({ call }), calls }
}

const RESULT = { metadata: [{ name: 'id', type: 'unsigned' }], rows: [[1]] }

describe('a method', () => {
  test.each<readonly [string, (crud: Crud) => Promise<unknown>]>([
    ['crud.insert', (crud) => crud.insert('s', [1])],
    ['crud.insert_object', (crud) => crud.insert('s', { id: 1 })],
    ['crud.replace', (crud) => crud.replace('s', [1])],
    ['crud.replace_object', (crud) => crud.replace('s', { id: 1 })],
    ['crud.upsert', (crud) => crud.upsert('s', [1], [])],
    ['crud.upsert_object', (crud) => crud.upsert('s', { id: 1 }, [])],
    ['crud.insert_many', (crud) => crud.insertMany('s', [[1]])],
    ['crud.insert_object_many', (crud) => crud.insertMany('s', [{ id: 1 }])],
    ['crud.replace_many', (crud) => crud.replaceMany('s', [[1]])],
    ['crud.replace_object_many', (crud) => crud.replaceMany('s', [{ id: 1 }])],
    ['crud.upsert_many', (crud) => crud.upsertMany('s', [[[1], []]])],
    ['crud.upsert_object_many', (crud) => crud.upsertMany('s', [[{ id: 1 }, []]])],
    ['crud.get', (crud) => crud.get('s', 1)],
    ['crud.update', (crud) => crud.update('s', 1, [])],
    ['crud.delete', (crud) => crud.delete('s', 1)],
    ['crud.select', (crud) => crud.select('s')],
    ['crud.min', (crud) => crud.min('s')],
    ['crud.max', (crud) => crud.max('s')],
  ])('calls %s, with options at the end', async (name, run) => {
    const { crud, calls } = answering(RESULT)
    await run(crud)
    expect(calls.map(([called]) => called)).toEqual([name])
    expect(calls[0]?.[1][0]).toBe('s')
    expect(calls[0]?.[1].at(-1)).toEqual({})
  })

  test('gives numbers and nothing where crud does', async () => {
    const { crud } = answering(5)
    expect([await crud.count('s'), await crud.len('s')]).toEqual([5, 5])
    expect(await answering(true).crud.truncate('s')).toBeUndefined()
  })
})

describe('an answer', () => {
  test.each<readonly [string, unknown]>([
    ['is not a map', 5],
    ['has rows that are not an array', { metadata: [], rows: 5 }],
    ['has a row that is not an array', { metadata: [], rows: [5] }],
    ['has a field without a name', { metadata: [{}], rows: [] }],
  ])('that %s fails', async (_, value) => {
    await expect(answering(value).crud.select('s', [], { rows: 'object' })).rejects.toMatchObject({
      code: 'DECODE_FAILED',
    })
  })

  test('of a number that is none fails', async () => {
    await expect(answering('many').crud.len('s')).rejects.toMatchObject({ code: 'DECODE_FAILED' })
  })

  test('with an error of an unknown shape is an error all the same', async () => {
    await expect(answering(null, 'broken').crud.len('s')).rejects.toMatchObject({
      code: 'CRUD_ERROR',
      message: 'crud.len: broken',
    })
    await expect(answering(null, {}).crud.len('s')).rejects.toMatchObject({ code: 'CRUD_ERROR' })
  })
})
