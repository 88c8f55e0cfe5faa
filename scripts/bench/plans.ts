import type { Sql } from 'postgres'
import { newestOf } from './seed.js'

/**
 * Prints the query plans of the history window and of the lists, under row-level security, for one user of each plot. The
 * statements are copies of those in sql/ and src/handlers.
 */
export const printPlans = async (sql: Sql, longPrefix: string, ownerPrefix: string): Promise<void> => {
  const [long] = await newestOf(sql, longPrefix)
  const [owner] = await newestOf(sql, ownerPrefix)
  if (!long || !owner) throw new Error('the plots were not seeded')
  const statements = [
    {
      name: 'the history window',
      user: long.user_id,
      text: `
        select a.position, a.question, a.answer, sum(a.window_tokens) over (order by a.position desc) as tokens,
          row_number() over (order by a.position desc) as n
        from (
          select m.position, m.role, m.status, m.content as answer, m.window_tokens,
            lead(m.content) over (order by m.position desc) as question
          from colloquy.messages m
          where m.user_id = $1 and m.conversation_id = '${long.id}' and m.position < 100001
            and m.position >= 100001 - 160
        ) a
        where a.role = 'assistant' and (a.status = 'completed' or (a.status = 'cancelled' and a.answer <> ''))
        order by a.position desc
        limit 21`,
    },
    {
      name: 'listMessages',
      user: long.user_id,
      text: `
        select m.id, m.position, m.content
        from colloquy.messages m
        where m.user_id = $1 and m.conversation_id = '${long.id}' and m.position > 50000
        order by m.position asc
        limit 21`,
    },
    {
      name: 'listConversations',
      user: owner.user_id,
      text: `
        select c.id, c.title
        from colloquy.conversations c
        where c.user_id = $1 and c.archived = false
          and (c.last_turn_at, c.id) < ('2026-01-01T12:00:00Z', 'ffffffff-ffff-7fff-bfff-ffffffffffff')
        order by c.last_turn_at desc, c.id desc
        limit 21`,
    },
  ]
  for (const { name, user, text } of statements) {
    await sql.begin(async (transaction) => {
      await transaction`select colloquy.act_as(${user})`
      const plan = await transaction.unsafe(`explain (analyze, buffers) ${text}`, [user])
      console.log(`\n${name}:\n${plan.map((row) => row['QUERY PLAN']).join('\n')}`)
    })
  }
}
