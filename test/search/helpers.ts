import postgres from 'postgres'
import type { Test } from 'tap'
import { findMatches, type Search } from '../../src/search/find-matches.js'
import { parseQuery, type Query } from '../../src/search/terms.js'
import { type Json, type TestApp, type TestAppOptions, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'

export const searchApp = async (t: Test, options: TestAppOptions = {}) => {
  const app = await testApp(t, options)
  const search = async (q: string, query: Record<string, string> = {}, user = 'alice'): Promise<Json> => {
    const asked = new URLSearchParams({ q, ...query })
    const { status, body, text } = await app.call('GET', `/api/${user}/search?${asked}`, { user })
    if (status !== 200) throw new Error(`${q}: ${status} ${text}`)
    return body
  }
  /** All results, in pages of `limit`. */
  const walk = async (q: string, limit: number, query: Record<string, string> = {}): Promise<Json[]> => {
    const results: Json[] = []
    let cursor: string | null = null
    for (let pages = 0; pages < 1_000; pages += 1) {
      const page = await search(q, { ...query, limit: String(limit), ...(cursor && { cursor }) })
      if (page.data.length > limit) throw new Error(`a page of ${page.data.length} for limit=${limit}`)
      results.push(...page.data)
      cursor = page.next_cursor
      if (cursor === null) return results
    }
    throw new Error(`${q} has too many pages`)
  }
  return { ...app, search, walk }
}

export const superuser = (t: Test, { superuserUrl }: Pick<TestApp, 'superuserUrl'>) => {
  const sql = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

/** Conversations of ended turns, whose messages these texts are; each has so many, and is an hour older than the next. */
export const writeMessages = async (
  sql: postgres.Sql,
  user: string,
  texts: readonly string[],
  each: number,
) => {
  await sql`
    with texts as (
      select entry, (n - 1) / ${each}::int as c, (n - 1) % ${each}::int + 1 as p
      from jsonb_array_elements_text(${sql.json(texts as string[])}) with ordinality e (entry, n)
    ),
    written as (
      insert into colloquy.messages (user_id, conversation_id, position, id, role, status, content, created_at)
      select ${user}, to_char(c + 1, 'FM000000000000"7"000"8"0"00000000000000"')::uuid, p,
        to_char(c * 10000 + p, 'FM000000000000"7"000"8"0"00000000000001"')::uuid,
        case p % 2 when 1 then 'user' else 'assistant' end, 'completed', entry,
        timestamptz '2026-01-01' + c * interval '1 hour' + p * interval '1 second'
      from texts
    )
    insert into colloquy.conversations
      (user_id, id, title, title_by, last_position, created_at, updated_at, last_turn_at)
    select ${user}, to_char(c + 1, 'FM000000000000"7"000"8"0"00000000000000"')::uuid, 'number ' || c, 'user', max(p),
      timestamptz '2026-01-01' + c * interval '1 hour', now(), now()
    from texts
    group by c`
}

export const segmentsOf = async (sql: postgres.Sql, user: string) => {
  const [row] = await sql<[{ segments: number; stale: number }]>`
    select count(*)::int as segments, (count(*) filter (where signature is null))::int as stale
    from colloquy.search_segments where user_id = ${user}`
  return row
}

/** Searches, which begins the indexing, until so many segments are there and none is stale. */
export const indexed = async (
  sql: postgres.Sql,
  { search }: Awaited<ReturnType<typeof searchApp>>,
  user: string,
  wanted: number,
) =>
  until(async () => {
    await search('anything', {}, user)
    const { segments, stale } = await segmentsOf(sql, user)
    return segments === wanted && stale === 0
  })

/** How many rows the first page of a search reads. */
export const rowsRead = async (
  sql: postgres.Sql,
  user: string,
  query: string | Query,
  search: Partial<Search> = {},
) => {
  // Else what came before would count as well.
  await sql`select pg_stat_force_next_flush()`
  return sql.begin(async (sql) => {
    const statement = (_userId: string, work: (sql: postgres.Sql) => unknown) => work(sql as never)
    const asked = typeof query === 'string' ? parseQuery(query) : query
    await findMatches({ statement } as never, user, asked, { limit: 20, ...search })
    const [rows] = await sql<[{ messages: number; conversations: number }]>`
      select sum(idx_tup_fetch + seq_tup_read) filter (where relname = 'messages')::int as messages,
        sum(idx_tup_fetch + seq_tup_read) filter (where relname = 'conversations')::int as conversations
      from pg_stat_xact_user_tables`
    return rows
  })
}
