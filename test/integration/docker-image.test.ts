import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { readImage } from '../helpers/image.ts'
import { Spawned } from '../helpers/spawned.ts'
import { findTarantool } from '../helpers/start-tarantool.ts'

// No engine runs here: a folder stands for the image's file system, and the Dockerfile's own commands are run on it.

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const image = readImage(readFileSync(join(ROOT, 'docker/server/Dockerfile'), 'utf8'))

/** What the base image sets, and what makes a Tarantool 3 ignore the script that it is given. */
const BASE_ENV = { TT_APP_NAME: 'default', TT_INSTANCE_NAME: 'instance-001' }

/** `docker run -e`, as compose.yaml does it. */
const PASSWORDS = { TARANTELLA_PRODUCER_PASSWORD: 'p', TARANTELLA_CONSUMER_PASSWORD: 'c' }

test('the image starts a server that its health check finds healthy, and serves the worker and the producer', async () => {
  const container = makeContainer(await freePort())
  expect(await container.run(image.healthcheck)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('unhealthy'),
  })

  const server = container.start([...image.entrypoint, ...image.command])
  await server.untilPrinted(/^tarantella ready on /m)
  expect(await container.run(image.healthcheck)).toEqual({ code: 0, stderr: '' })

  const worker = container.startService('worker.mjs', { TARANTELLA_USER: 'consumer', TARANTELLA_PASSWORD: 'c' })
  await worker.untilPrinted(/^worker: taking from jobs$/m)
  const producer = container.startService('producer.mjs', {
    TARANTELLA_USER: 'producer',
    TARANTELLA_PASSWORD: 'p',
    PRODUCER_INTERVAL_MS: '10',
  })
  await worker.untilPrinted(/^done: 3$/m)

  expect(await producer.stop()).toBe(0)
  expect(await worker.stop()).toBe(0)
  await server.stop()
  expect(await container.run(image.healthcheck)).toMatchObject({ code: 1 })
})

interface Container {
  /** Starts one of the image's commands. */
  start(command: readonly string[]): Spawned
  /** Starts a script of docker/services against the server. */
  startService(script: string, env: Readonly<Record<string, string>>): Spawned
  run(command: readonly string[]): Promise<{ code: number; stderr: string }>
}

function makeContainer(port: number): Container {
  const root = mkdtempSync(join(tmpdir(), 'tarantella-image-'))
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true })
  })
  for (const { source, destination } of image.copies) {
    mkdirSync(dirname(join(root, destination)), { recursive: true })
    cpSync(join(ROOT, source), join(root, destination), { recursive: true })
  }
  mkdirSync(join(root, 'bin'))
  symlinkSync(absolute(findTarantool() ?? 'tarantool'), join(root, 'bin/tarantool'))
  const dataDir = join(root, image.env['TARANTELLA_DATA_DIR'] ?? '')
  mkdirSync(dataDir, { recursive: true })
  const env = {
    ...process.env,
    ...BASE_ENV,
    ...image.env,
    ...PASSWORDS,
    PATH: [join(root, 'bin'), process.env['PATH']].join(delimiter),
    TARANTELLA_TUBES: 'jobs:fifottl',
    TARANTELLA_DATA_DIR: dataDir,
    // The image listens on every address of its container, a test on loopback only.
    TARANTELLA_LISTEN: `127.0.0.1:${port}`,
  }
  const inside = (part: string): string => (part.startsWith('/opt/') ? join(root, part) : part)
  return {
    start([program = '', ...args]) {
      return new Spawned(program, args.map(inside), { cwd: dataDir, env })
    },
    startService(script, serviceEnv) {
      const settings = { TARANTELLA_HOST: '127.0.0.1', TARANTELLA_PORT: String(port), TARANTELLA_TUBE: 'jobs' }
      const file = join(ROOT, 'docker/services', script)
      return new Spawned(process.execPath, [file], { env: { ...process.env, ...settings, ...serviceEnv } })
    },
    run([program = '', ...args]) {
      return new Promise((resolve) => {
        const child = execFile(program, args.map(inside), { cwd: dataDir, env }, (_error, _stdout, stderr) => {
          resolve({ code: child.exitCode ?? -1, stderr })
        })
      })
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('No port')
  return address.port
}

/** A name without a folder is one on PATH, to which a link cannot point. */
function absolute(binary: string): string {
  if (binary.includes('/')) return binary
  const folder = (process.env['PATH'] ?? '').split(delimiter).find((each) => existsSync(join(each, binary)))
  return join(folder ?? '', binary)
}
