import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import postgres from 'postgres'
import { packageRoot } from '../../src/root.js'
import { runPgbench } from './ceiling.js'
import type { Bench } from './part.js'

const schema = new URL('scripts/bench/ceiling-schema.sql', packageRoot)
const script = fileURLToPath(new URL('scripts/bench/ceiling.sql', packageRoot))

/**
 * Prepares a database for the least work that a durable turn can be: no leases, keys, attempts or usage. Resolves with a
 * function that measures such turns per second, in new conversations, with pgbench.
 */
export const minimalCeiling = async ({ database, signal }: Bench) => {
  const url = new URL(await database())
  const password = randomBytes(16).toString('hex')
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(await readFile(schema, 'utf8'))
    await sql.unsafe(`alter role chat_app password '${password}'`)
  } finally {
    await sql.end()
  }
  // Not a superuser, because row-level security would not apply.
  url.username = 'chat_app'
  url.password = password
  return (connections: number, seconds: number): Promise<number> =>
    runPgbench({ url: url.href, script, connections, seconds, signal })
}
