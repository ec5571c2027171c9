import { execFile } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../test/helpers/start-tarantool.ts'
import { findProgram, type OwnServer, startOwnServer } from './own-server.ts'
import { SubjectMissing } from './subject.ts'

const PERSISTENCE = {
  /** The file is written before replies, and flushed once a second: as much as a WAL that is not flushed. */
  appendonly: ['--save', '', '--appendonly', 'yes', '--appendfsync', 'everysec'],
  none: ['--save', '', '--appendonly', 'no'],
}

/** A Redis on a free port of 127.0.0.1, with its data in a temporary folder. */
export async function startRedis(persistence: keyof typeof PERSISTENCE): Promise<OwnServer> {
  const program = findProgram('redis-server')
  if (program === undefined) throw new SubjectMissing('there is no redis-server (Debian: apt-get install redis-server)')
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-bench-redis-'))
  const port = await freePort()
  const server = await startOwnServer({
    program,
    args: ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, ...PERSISTENCE[persistence]],
    folder,
    ready: /Ready to accept connections/,
    stopSignal: 'SIGTERM',
  })
  const { stdout } = await promisify(execFile)(program, ['--version'])
  return Object.assign(server, { port, version: /v=([\d.]+)/.exec(stdout)?.[1] ?? 'unknown' })
}
