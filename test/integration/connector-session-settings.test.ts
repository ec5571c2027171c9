import { connect } from '@tarantella/connector'
import { expect, onTestFinished, test } from 'vitest'
import { startFaultProxy } from '../helpers/fault-proxy.ts'
import { startTarantool } from '../helpers/start-tarantool.ts'

test('settings of the session are rows of _session_settings, and are made again after a reconnect', async () => {
  const server = await startTarantool({ script: '' })
  const proxy = await startFaultProxy({ serverPort: server.port })
  const client = await connect(`app:secret@127.0.0.1:${proxy.port}`, { reconnect: { minDelayMs: 5, maxDelayMs: 50 } })
  onTestFinished(() => client.destroy())
  const set = (): Promise<unknown> =>
    client.update('_session_settings', 'sql_full_column_names', [['=', 'value', true]])
  const read = (): Promise<unknown> => client.get('_session_settings', 'sql_full_column_names')
  expect(await set()).toEqual(['sql_full_column_names', true])
  expect(await read()).toEqual(['sql_full_column_names', true])

  // Requests of a listener go out before those that waited for the connection.
  const again = new Promise<unknown>((resolve) => client.on('connect', () => resolve(set())))
  const lost = new Promise((resolve) => client.once('disconnect', resolve))
  proxy.resetAll()
  await lost
  expect(await read()).toEqual(['sql_full_column_names', true])
  await again
})
