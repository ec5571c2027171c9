import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { chown, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../../test/helpers/start-tarantool.ts'
import { findProgram, type OwnServer, startOwnServer } from './own-server.ts'
import { SubjectMissing } from './subject.ts'

const run = promisify(execFile)

export const POSTGRES_USER = 'bench'

/** Written at each commit and not flushed, as the other subjects' logs. */
const SETTINGS = ['fsync=off', 'full_page_writes=off', 'shared_buffers=256MB', 'max_connections=100']

/** Debian keeps the server's programs out of PATH. */
const DEBIAN = '/usr/lib/postgresql'

/** A PostgreSQL on a free port of 127.0.0.1, with its data in a temporary folder. */
export async function startPostgres(): Promise<OwnServer> {
  const folders = debianFolders()
  const initdb = findProgram('initdb', folders)
  const program = findProgram('postgres', folders)
  if (initdb === undefined || program === undefined) {
    throw new SubjectMissing('there is no PostgreSQL server (Debian: apt-get install postgresql)')
  }
  const user = await unprivileged()
  const folder = await mkdtemp(join(tmpdir(), 'tarantella-bench-postgres-'))
  if (user !== undefined) await chown(folder, user.uid, user.gid)
  const data = join(folder, 'data')
  await run(initdb, ['-D', data, '-U', POSTGRES_USER, '-A', 'trust', '-E', 'UTF8', '--no-locale', '-N'], {
    ...user,
    cwd: folder,
  })
  const port = await freePort()
  const settings = SETTINGS.flatMap((setting) => ['-c', setting])
  const server = await startOwnServer({
    program,
    args: ['-D', data, '-h', '127.0.0.1', '-p', String(port), '-k', folder, ...settings],
    folder,
    ready: /ready to accept connections/,
    ...(user && { user }),
    // "Fast": ends the sessions instead of waiting for them.
    stopSignal: 'SIGINT',
  })
  const { stdout } = await run(program, ['--version'])
  return Object.assign(server, { port, version: /[\d.]+/.exec(stdout)?.[0] ?? 'unknown' })
}

function debianFolders(): string[] {
  try {
    return readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin'))
  } catch {
    return []
  }
}

/** PostgreSQL refuses to run as root; then it is the user of Debian's package. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const idOf = async (option: string): Promise<number> => Number((await run('id', [option, 'postgres'])).stdout)
  try {
    return { uid: await idOf('-u'), gid: await idOf('-g') }
  } catch {
    throw new SubjectMissing('PostgreSQL does not run as root, and there is no user postgres')
  }
}
