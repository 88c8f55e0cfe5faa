import postgres from 'postgres'
import type { Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import type { Sql } from '../../src/db/database.js'
import { testDatabase } from './database.js'
import { countingProxy } from './wire.js'

type Options = Partial<Parameters<typeof connect>[0]>

/** A Database of one connection to a migrated database through a wire, and the superuser's eyes beside it. */
export const connected = async (
  t: Test,
  { login = 'owner', ...options }: Options & { login?: 'owner' | 'superuser' } = {},
) => {
  const { url, superuserUrl } = await testDatabase(t, { login })
  const wire = await countingProxy(t, url)
  const db = connect({ url: wire.url, max: 1, prepare: 'auto', ...options })
  t.teardown(() => db.close())
  const root = postgres(superuserUrl, { max: 1 })
  t.teardown(() => root.end())
  return {
    db,
    wire,
    root,
    titles: async () =>
      (await root<{ title: string }[]>`select title from colloquy.conversations order by title`).map(
        ({ title }) => title,
      ),
  }
}

/** Inserts a conversation of alice's. */
export const insert = (sql: Sql, title: string) => sql<{ title: string }[]>`
  insert into colloquy.conversations
    (user_id, id, title, last_position, created_at, updated_at, last_turn_at)
  values ('alice', gen_random_uuid(), ${title}, 0, now(), now(), now())
  returning title`
