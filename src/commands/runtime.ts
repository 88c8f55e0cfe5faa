import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.js'
import { identify } from '../db/embedded/process.js'
import type { Cluster } from '../db/embedded.js'
import type { AuthenticationOptions } from '../http/authentication.js'
import { keySet } from '../http/key-set.js'

export interface OpenDatabase {
  url: string
  /** the embedded PostgreSQL, when this process started it */
  embedded: Cluster | undefined
  /** in words, which one it is */
  place: string
}

/** The configured database, or the embedded one, started. */
export const openDatabase = async (config: Config, log: (line: string) => void): Promise<OpenDatabase> => {
  const { dataDir, database } = config
  if (database.url) return { url: database.url, embedded: undefined, place: 'at DATABASE_URL' }
  const { startEmbedded } = await import('../db/embedded.js')
  const embedded = await startEmbedded({ dataDir, log })
  return { url: embedded.url, embedded, place: `embedded in ${dataDir}` }
}

/** The URL of the embedded PostgreSQL that another process runs in this folder, if one does. */
const runningEmbedded = async (dataDir: string): Promise<string | undefined> => {
  const read = (path: string) => readFile(join(dataDir, 'postgres', path), 'utf8').catch(() => '')
  // https://www.postgresql.org/docs/current/storage-file-layout.html: the pid first, the port fourth, the state last.
  const [pid, , , port, , , , state] = (await read('data/postmaster.pid')).split('\n')
  if (state?.trim() !== 'ready' || !identify(Number(pid))) return undefined
  return `postgres://postgres:${(await read('password')).trim()}@127.0.0.1:${port}/postgres`
}

/** The same for commands that do not serve: while a server runs they use the PostgreSQL that it started. */
export const openOrJoinDatabase = (config: Config): Promise<OpenDatabase> =>
  openDatabase(config, () => {}).catch(async (error: unknown) => {
    const url = config.database.url ? undefined : await runningEmbedded(config.dataDir)
    if (!url) throw error
    return { url, embedded: undefined, place: `embedded in ${config.dataDir}, run by another process` }
  })

/** Who may verify tokens, as configured. */
export const authenticationOptions = (
  { auth }: Config,
  secret: string | undefined,
  log: FastifyBaseLogger,
): Omit<AuthenticationOptions, 'isUserId'> => ({
  shared: secret ? { secret, issuer: auth.sharedIssuer, audience: auth.sharedAudience } : undefined,
  published:
    auth.jwksUrl && auth.issuer && auth.audience
      ? { keys: keySet({ url: auth.jwksUrl, log }), issuer: auth.issuer, audience: auth.audience }
      : undefined,
})
