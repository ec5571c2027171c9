import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { validate } from 'dockerfile-utils'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { readImage } from '../helpers/image.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const COMPOSE = 'docker/compose.yaml'

interface Service {
  readonly build: { readonly context: string; readonly dockerfile: string }
  readonly command?: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
}

const compose = parse(read(COMPOSE)) as { services: Record<string, Service>; volumes: Record<string, unknown> }
const services = Object.entries(compose.services)

describe.each(['docker/server/Dockerfile', 'docker/services/Dockerfile'])('%s', (file) => {
  const text = read(file)
  const image = readImage(text)

  test('passes the linter', () => {
    expect(validate(text).map(({ message }) => message)).toEqual([])
  })

  test('does not run as root', () => {
    expect(image.user).toMatch(/^(tarantool|node)$/)
  })

  test('names a tag of its base image', () => {
    expect(text).toMatch(/^ARG \w+_VERSION=[\d.]+$/m)
    expect(image.from).toMatch(/^[\w/]+:\$\{\w+_VERSION\}(-slim)?$/)
  })

  test('copies only what the repository has', () => {
    expect(image.copies.filter(({ source }) => !existsSync(join(ROOT, source)))).toEqual([])
  })

  test('starts its process without a shell in between, so that it gets the signals', () => {
    expect([...image.entrypoint, ...image.command].length).toBeGreaterThan(0)
  })
})

describe('the image of the server', () => {
  const image = readImage(read('docker/server/Dockerfile'))

  test('keeps its data in a volume', () => {
    expect(image.volumes).toContain(image.env['TARANTELLA_DATA_DIR'])
  })

  test('has a health check', () => {
    expect(image.healthcheck).toContain('/opt/tarantella/healthcheck.lua')
  })

  test('has no password in it', () => {
    expect(Object.keys(image.env).filter((name) => /PASSWORD|SECRET/.test(name))).toEqual([])
  })
})

describe(COMPOSE, () => {
  test('passes the linter', () => {
    const dclint = join(ROOT, 'node_modules/dclint/bin/dclint.cjs')
    const run = spawnSync(process.execPath, [dclint, '--max-warnings', '0', COMPOSE], { cwd: ROOT, encoding: 'utf8' })
    expect((run.stdout + run.stderr).trim()).toBe('')
    expect(run.status).toBe(0)
  })

  test.each(services)('builds %s from a Dockerfile that is there', (_name, { build }) => {
    expect(existsSync(join(ROOT, 'docker', build.context, build.dockerfile))).toBe(true)
  })

  test.each(services)('takes the passwords of %s from the environment only', (_name, { environment }) => {
    const passwords = Object.entries(environment).filter(([name]) => name.includes('PASSWORD'))
    expect(passwords.length).toBeGreaterThan(0)
    for (const [name, value] of passwords) {
      // Without an admin's password there is no admin; the others are required.
      expect(value).toMatch(name === 'TARANTELLA_ADMIN_PASSWORD' ? /^\$\{\w+:-\}$/ : /^\$\{\w+:\?.+\}$/)
    }
  })

  test('starts worker and producer when the server is healthy', () => {
    for (const name of ['worker', 'producer']) {
      expect(compose.services[name]?.depends_on).toEqual({ server: { condition: 'service_healthy' } })
    }
  })

  test('runs scripts that the services have', () => {
    for (const name of ['worker', 'producer']) {
      const [program, script = ''] = compose.services[name]?.command ?? []
      expect(program).toBe('node')
      expect(existsSync(join(ROOT, 'docker/services', script))).toBe(true)
    }
  })

  test('opens the server to this machine only, and keeps its data in a named volume', () => {
    const server = compose.services['server']
    expect(server?.ports).toEqual(['127.0.0.1:3301:3301'])
    expect(server?.volumes).toEqual(['data:/var/lib/tarantool'])
    expect(Object.keys(compose.volumes)).toEqual(['data'])
  })
})

function read(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}
