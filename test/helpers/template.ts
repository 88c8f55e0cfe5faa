import postgres from 'postgres'
import { migrate } from '../../src/db/migrate.js'

export const template = 'colloquy_template'
/** The logins of the tests beside the superuser. */
export const logins = ['colloquy_owner', 'colloquy_plain']

/** The URL of another login or database of the same cluster; every login of a test cluster has one random password. */
export const clusterUrl = (
  url: string,
  { user, database = 'postgres' }: { user?: string; database?: string },
): string => {
  const other = new URL(url)
  if (user !== undefined) other.username = user
  other.pathname = `/${database}`
  return other.href
}

/**
 * Makes the two logins of the tests, neither superuser nor `bypassrls`: `colloquy_owner`, who may create roles
 * (so that migrations make `colloquy_app`), and `colloquy_plain`, who may not; and the template, migrated by the owner.
 */
export const prepareTemplate = async (superuserUrl: string): Promise<void> => {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  const password = new URL(superuserUrl).password
  // Thousands of connections log in, and each pays for the iterations on both sides. PostgreSQL has the setting since 16.
  await sql`select set_config('scram_iterations', '1', false) where current_setting('scram_iterations', true) is not null`
  await sql.unsafe(`alter role postgres password '${password}'`)
  await sql.unsafe(`create role colloquy_owner login createrole password '${password}'`)
  await sql.unsafe(`create role colloquy_plain login password '${password}'`)
  await sql.unsafe(`create database ${template} owner colloquy_owner`)
  await migrate(clusterUrl(superuserUrl, { user: 'colloquy_owner', database: template }))
  // Nobody can be connected to it any more, which would stop it from being cloned.
  await sql.unsafe(`alter database ${template} allow_connections false`)
  await sql.end()
}
