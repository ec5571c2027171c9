import { decode, RawMsgpack } from '@tarantella/connector'
import type { Tube } from '../src/tube.ts'
import type { FakeCaller } from './fake-caller.ts'

/** Puts one task and gives its payload as the server would store it. */
export async function storedBy(caller: FakeCaller, tube: Tube, data: unknown): Promise<unknown> {
  const put = tube.put(data)
  const call = await caller.next('queue.put_many')
  const item = (call.args[1] as RawMsgpack[])[0]
  if (!(item instanceof RawMsgpack)) throw new Error('not encoded')
  call.answer([[5, 'r']])
  await put
  return (decode(item.bytes) as unknown[])[0]
}

/** Takes one task, which the server has stored as this. */
export async function take(caller: FakeCaller, tube: Tube, stored: unknown) {
  const taking = tube.take(1)
  const call = await caller.next('queue.take_many')
  call.answer([[5, 't', stored, 77]])
  return await taking
}
