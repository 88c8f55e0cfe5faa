import postgres from 'postgres'
import t from 'tap'
import { testDatabase } from '../helpers/database.js'
import { localTools } from '../helpers/local-tools.js'
import { appWith, calling, saying, sent } from '../helpers/tool-turns.js'

t.test(
  'long results come shortened in later turns, which keeps the conversation in the window',
  async (t) => {
    const tools = localTools({ read: { readOnly: true, work: () => 'é'.repeat(30_000) } })
    const app = await appWith(t, tools)
    app.provider.answer(calling(['a', 'read', '{}']), saying('Long.'))
    const { conversation_id, tool_calls } = await app.chat('Read it.')
    t.equal(tool_calls[0].result.length, 30_000, 'the answer has the whole result')
    t.equal(sent(app, -1)[2].content.length, 30_000, 'the model is told the whole result in its turn')
    app.provider.answer(saying('Yes.'))
    await app.chat('Was it?', { conversation_id })
    t.equal(sent(app, -1)[2].content, `${'é'.repeat(4_000)} … [shortened]`, 'the next turn has it shortened')
  },
)

t.test('the tool calls of turns that do not fit are not read', async (t) => {
  const { directUrl, superuserUrl } = await testDatabase(t)
  const root = postgres(superuserUrl, { max: 1 })
  const sql = postgres(directUrl, { max: 1 })
  t.teardown(() => Promise.all([root.end(), sql.end()]))
  const blocksOf = async (turns: number): Promise<number> => {
    const [{ id } = { id: '' }] = await root<{ id: string }[]>`
      insert into colloquy.conversations (user_id, id, title, last_position, created_at, updated_at, last_turn_at)
      values ('alice', gen_random_uuid(), 'long', ${2 * turns}, now(), now(), now())
      returning id`
    await root`
      insert into colloquy.messages (user_id, conversation_id, position, id, turn_id, role, status, content, tool_calls, window_tokens, created_at)
      select 'alice', ${id}, p, gen_random_uuid(), gen_random_uuid(), role, 'completed', 'hi', tool_calls, 1400, now()
      from generate_series(1, ${2 * turns}::integer) p
      cross join lateral (select case when p % 2 = 1 then 'user' else 'assistant' end as role) r
      cross join lateral (
        select case when role = 'user' then '[]'
          else jsonb_build_array(jsonb_build_object('id', 'a', 'name', 'read', 'arguments', '{}'::jsonb, 'duration_ms', 1,
            'result', (select string_agg(md5(p * 1000000 + n || ''), '') from generate_series(1, 20000) n)))
        end as tool_calls) c`
    return sql.begin(async (sql) => {
      await sql`select colloquy.act_as('alice')`
      const [row] = await sql<[{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }]>`
        explain (analyze, buffers, format json)
        select colloquy.history_window(
          p_user_id => 'alice', p_conversation_id => ${id}, p_before => ${2 * turns + 1}, p_start => null, p_path => null,
          p_summary_position => null, p_messages => 40, p_tokens => 3000)`
      const { Plan } = row['QUERY PLAN'][0]
      return Number(Plan['Shared Hit Blocks']) + Number(Plan['Shared Read Blocks'])
    })
  }
  await blocksOf(3)
  const few = await blocksOf(3)
  t.ok((await blocksOf(20)) < 2 * few, 'two turns fit, and no other is read')
})
