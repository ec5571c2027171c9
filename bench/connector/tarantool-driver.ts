import { deepStrictEqual } from 'node:assert/strict'
import TarantoolConnection from 'tarantool-driver'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { CALLED, EVALUATED, messageOf, PASSWORD, ROWS, rowOf, SPACE, USER } from './operations.ts'
import type { Requests, Subject } from './subject.ts'

/** Spaces by name, as users of both write them; by number it spares itself a chain of promises, which is worth about a fifth. */
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
    select: (i) => driver.select(SPACE, 0, 1, 0, 'eq', [i % ROWS]),
    replace: (i) => driver.replace(SPACE, rowOf(i % ROWS)),
    update: (i) => driver.update(SPACE, 0, [i % ROWS], [['=', 2, 42]]),
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
