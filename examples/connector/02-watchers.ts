// A setting that all services follow: one says it, the others hear of it. Watchers need Tarantool 2.10.
// Run: npx tsx examples/connector/02-watchers.ts tarantool://app:secret@127.0.0.1:3301
import assert from 'node:assert/strict'
import { connect, TarantellaError } from '@tarantella/connector'

interface Settings {
  readonly sendPerSecond: number
}

const tnt = await connect(process.argv[2] ?? 'tarantool://app:secret@127.0.0.1:3301')

try {
  // The value of the moment comes at once, then each change; after a reconnect the value of that moment.
  const heard: (Settings | undefined)[] = []
  const subscription = tnt.watch<Settings | undefined>('example.settings', (settings) => {
    heard.push(settings)
  })

  // For `for await`, with a consumer that may be slow: it misses all but the latest value.
  await tnt.call('box.broadcast', ['example.settings', { sendPerSecond: 100 }])
  for await (const settings of tnt.events<Settings | undefined>('example.settings')) {
    if (settings?.sendPerSecond === 100) {
      await tnt.call('box.broadcast', ['example.settings', { sendPerSecond: 200 }])
    } else if (settings !== undefined) break
  }
  subscription.unregister()
  console.log('heard', JSON.stringify(heard.at(-1)))
  assert.deepEqual(heard.at(-1), { sendPerSecond: 200 })

  // Keys of the server's own: whether it takes writes now, and after each change.
  const status = tnt.events<{ is_ro: boolean }>('box.status')
  const { value } = await status.next()
  await status.return()
  assert.equal(value?.is_ro, false)
} catch (error) {
  if (!(error instanceof TarantellaError) || error.code !== 'UNSUPPORTED') throw error
  console.log(error.message)
  assert.equal(tnt.server?.features.has('watchers'), false)
}

await tnt.close()
console.log('ok')
