import type { Sql } from 'postgres'

/** A way to break a promise of the engine: a change in the body of an SQL function. */
interface Change {
  of: string
  from: RegExp
  to: string
  /** what keeps the same promise in a second place */
  and?: Change
}

export interface Mutation extends Change {
  breaks: string
}

/**
 * Replaces the function, and gives what puts it back; a mutation that changes nothing is an error, since the SQL has
 * moved away from it.
 */
export const mutate = async (sql: Sql, { of, from, to, and }: Change): Promise<() => Promise<void>> => {
  const functions = await sql<{ text: string }[]>`
    select pg_get_functiondef(p.oid) as text
    from pg_catalog.pg_proc p
    where p.pronamespace = 'colloquy'::regnamespace and p.proname = ${of}`
  const changed = functions.map(({ text }) => text).filter((text) => from.test(text))
  if (changed.length === 0) throw new Error(`The mutation of ${from} in ${of} changes nothing.`)
  for (const text of changed) await sql.unsafe(text.replace(from, to))
  const restore = and && (await mutate(sql, and))
  return async () => {
    await restore?.()
    for (const text of changed) await sql.unsafe(text)
  }
}
