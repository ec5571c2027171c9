import { expect, test } from 'vitest'
import { startTarantool } from '../helpers/start-tarantool.ts'

test('a server starts, dies and starts again on the same port with its data', async () => {
  const server = await startTarantool({ script: `box.schema.space.create('kept', { if_not_exists = true })` })
  const { port, pid } = server
  await server.kill()
  expect(server.pid).toBeUndefined()
  await server.restart()
  expect(server.port).toBe(port)
  expect(server.pid).not.toBe(pid)
})

test('a script that fails is reported with what the server printed', async () => {
  await expect(startTarantool({ script: `error('no luck today')` })).rejects.toThrow('no luck today')
})
