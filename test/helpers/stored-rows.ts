import type { Sql } from 'postgres'

/**
 * How many rows of each table of the schema say anything of the user: the id in a column, or one of the texts anywhere. By
 * the catalogue, so that new tables are looked through by themselves; `sql` has to be a superuser's. Empty tables are left out.
 */
export const rowsAbout = async (
  sql: Sql,
  userId: string,
  texts: string[] = [],
): Promise<Record<string, number>> => {
  const tables = await sql<{ name: string }[]>`
    select c.oid::regclass::text as name
    from pg_catalog.pg_class c
    where c.relnamespace = 'colloquy'::regnamespace and c.relkind in ('r', 'p', 'm')
    order by 1`
  if (tables.length < 7) throw new Error('the catalogue has too few tables')
  const found: Record<string, number> = {}
  // Without a function that gives rows, which Citus takes only for one user's.
  const asValue = JSON.stringify(userId)
  for (const { name } of tables) {
    const [row] = await sql<[{ count: number }]>`
      select count(*)::integer as count
      from ${sql.unsafe(name)} r
      where ${texts.reduce(
        (found, text) => sql`${found} or strpos(r::text, ${text}) > 0`,
        sql`strpos(to_jsonb(r)::text, ${asValue}) > 0`,
      )}`
    if (row.count > 0) found[name] = row.count
  }
  return found
}
