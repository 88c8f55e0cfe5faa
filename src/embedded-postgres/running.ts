import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identify } from './process.js'

/** The URL of the embedded PostgreSQL that another process runs in this data folder, if one does. */
export const runningEmbedded = async (dataDir: string): Promise<string | undefined> => {
  const read = (path: string) => readFile(join(dataDir, 'postgres', path), 'utf8').catch(() => '')
  // https://www.postgresql.org/docs/current/storage-file-layout.html: the pid first, the port fourth, the state last.
  const [pid, , , port, , , , state] = (await read('data/postmaster.pid')).split('\n')
  if (state?.trim() !== 'ready' || !identify(Number(pid))) return undefined
  return `postgres://postgres:${(await read('password')).trim()}@127.0.0.1:${port}/postgres`
}
