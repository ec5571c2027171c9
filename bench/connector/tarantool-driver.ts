import { deepStrictEqual } from 'node:assert/strict'
import TarantoolConnection from 'tarantool-driver'
import { CALLED, EVALUATED, messageOf, PASSWORD, ROWS, rowOf, SPACE_ID, USER } from './operations.ts'
import { keepInFlight, type Requests, type Subject } from './subject.ts'

/** tarantool-driver at its best: spaces by number, which saves it a chain of promises for each request. */
export async function openTarantoolDriver(port: number): Promise<Subject> {
  const driver = new TarantoolConnection({
    host: '127.0.0.1',
    port,
    username: USER,
    password: PASSWORD,
    lazyConnect: true,
  })
  await driver.connect()
  const requests: Requests = {
    ping: () => driver.ping(),
    select: (i) => driver.select(SPACE_ID, 0, 1, 0, 'eq', [i % ROWS]),
    replace: (i) => driver.replace(SPACE_ID, rowOf(i % ROWS)),
    update: (i) => driver.update(SPACE_ID, 0, [i % ROWS], [['=', 2, 42]]),
    call: (i) => driver.call(CALLED, messageOf(i)),
    eval: (i) => driver.eval(EVALUATED, i),
  }
  return {
    name: 'tarantool-driver',
    async verify() {
      await requests.ping(0)
      deepStrictEqual(await requests.select(7), [rowOf(7)])
      deepStrictEqual(await requests.replace(7), [rowOf(7)])
      deepStrictEqual(await requests.update(7), [rowOf(7)])
      // It calls by CALL_16, which wraps each value in a tuple.
      deepStrictEqual(await requests.call(7), [[7]])
      deepStrictEqual(await requests.eval(7), [7])
    },
    run: (operation, inFlight, count) => keepInFlight(requests[operation], inFlight, count),
    [Symbol.asyncDispose]: () => {
      driver.disconnect()
      return Promise.resolve()
    },
  }
}
