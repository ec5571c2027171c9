import { join } from 'node:path'
import { runForeground } from './run-command.mjs'
import { ROOT, setup } from './setup.mjs'
import { runScript } from './setup-error.mjs'

// npm run demo -- [options]: the push campaign of examples/campaign on a Tarantool of its own.
await runScript(async () => {
  const { tarantool } = await setup()
  const args = [
    '--unhandled-rejections=strict',
    '--import',
    import.meta.resolve('tsx'),
    join(ROOT, 'examples/campaign/main.ts'),
    ...process.argv.slice(2),
  ]
  return runForeground(process.execPath, args, { cwd: ROOT, env: { ...process.env, TARANTOOL_BIN: tarantool.path } })
})
