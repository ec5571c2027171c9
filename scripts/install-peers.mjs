import { canInstall, installPackage } from './apt.mjs'

/** Debian's packages of the servers that the queue's benchmark compares with. */
const PEERS = ['redis-server', 'postgresql']

/**
 * Installs the servers of the queue's peers where that is possible; the benchmark leaves out what is missing.
 *
 * @param {(line: string) => void} log
 */
export async function installPeers(log) {
  if (!(await canInstall())) return
  for (const name of PEERS) {
    log(`installing ${name} by apt-get, unless it is there`)
    await installPackage(name)
  }
}
