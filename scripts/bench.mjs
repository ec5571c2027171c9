import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { installPeers } from './install-peers.mjs'
import { runForeground } from './run-command.mjs'
import { log, ROOT, setup } from './setup.mjs'
import { runScript, SetupError } from './setup-error.mjs'

// npm run bench -- NAME [options]: runs bench/NAME.ts on a Tarantool of its own.
await runScript(async () => {
  const [name, ...rest] = process.argv.slice(2)
  const names = readdirSync(join(ROOT, 'bench'))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -3))
    .sort()
  if (name === undefined || !names.includes(name)) {
    const wrong = name === undefined ? 'Which benchmark?' : `There is no benchmark ${JSON.stringify(name)}.`
    throw new SetupError(`${wrong} npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`)
  }
  const { tarantool } = await setup()
  // On somebody's own machine nothing is installed for a benchmark: it says what it leaves out.
  if (['all', 'queue'].includes(name) && (process.env.CI ?? '') !== '') await installPeers(log)
  const args = [
    '--unhandled-rejections=strict',
    '--import',
    import.meta.resolve('tsx'),
    join(ROOT, 'bench', `${name}.ts`),
    ...rest,
  ]
  return runForeground(process.execPath, args, { cwd: ROOT, env: { ...process.env, TARANTOOL_BIN: tarantool.path } })
})
