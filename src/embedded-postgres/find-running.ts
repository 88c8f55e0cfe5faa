import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { identify } from './process.js'

/** The URL of the embedded PostgreSQL that another process is running in this data folder, if any. */
export const findRunningPostgres = async (dataDir: string): Promise<string | undefined> => {
  const read = (path: string) => readFile(join(dataDir, 'postgres', path), 'utf8').catch(() => '')
  // https://www.postgresql.org/docs/current/storage-file-layout.html: line 1 is the pid, 4 the port, 8 the state.
  const [pid, , , port, , , , state] = (await read('data/postmaster.pid')).split('\n')
  if (state?.trim() !== 'ready' || !identify(Number(pid))) return undefined
  return `postgres://postgres:${(await read('password')).trim()}@127.0.0.1:${port}/postgres`
}
