import { deepStrictEqual } from 'node:assert/strict'
import { connect } from '@tarantella/connector'
import { keepInFlight } from '../harness/keep-in-flight.ts'
import { CALLED, EVALUATED, messageOf, PASSWORD, ROWS, rowOf, SPACE, USER } from './operations.ts'
import type { Requests, Subject } from './subject.ts'

export interface OpenedTarantella extends Subject {
  /** Of the server that it is connected to. */
  readonly serverVersion: string
}

export async function openTarantella(port: number): Promise<OpenedTarantella> {
  const client = await connect({ port, user: USER, password: PASSWORD })
  const requests: Requests = {
    ping: () => client.ping(),
    select: (i) => client.select(SPACE, [i % ROWS], { limit: 1 }),
    replace: (i) => client.replace(SPACE, rowOf(i % ROWS)),
    update: (i) => client.update(SPACE, [i % ROWS], [['=', 2, 42]]),
    call: (i) => client.call(CALLED, [messageOf(i)]),
    eval: (i) => client.eval(EVALUATED, [i]),
  }
  return {
    name: 'tarantella',
    serverVersion: client.server?.version ?? 'unknown',
    async verify() {
      await requests.ping(0)
      deepStrictEqual(await requests.select(7), [rowOf(7)])
      deepStrictEqual(await requests.replace(7), rowOf(7))
      deepStrictEqual(await requests.update(7), rowOf(7))
      deepStrictEqual(await requests.call(7), [7])
      deepStrictEqual(await requests.eval(7), [7])
    },
    run: (operation, inFlight, count) => keepInFlight(requests[operation], inFlight, count),
    [Symbol.asyncDispose]: () => client.close(),
  }
}
