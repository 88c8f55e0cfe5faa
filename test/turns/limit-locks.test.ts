import { setTimeout as delay } from 'node:timers/promises'
import postgres, { type ISql, type Sql } from 'postgres'
import t from 'tap'
import { testDatabase } from '../helpers/database.js'
import { newTurn } from '../helpers/turns.js'

/** Calls twice in transactions that overlap: the second one is sent before the first one ends. */
const overlap = async (sqls: [Sql, Sql], call: (sql: ISql) => Promise<unknown>): Promise<unknown[]> => {
  const [one, two] = sqls
  let second: Promise<unknown> = Promise.resolve()
  const first = await one.begin(async (sql) => {
    const answer = await call(sql)
    second = two.begin((sql) => call(sql))
    // For so long it would be answered, if it did not wait.
    await Promise.race([second, delay(500)])
    return answer
  })
  return [first, await second]
}

t.test('two instances that count at the same moment do not pass a limit together', async (t) => {
  const { url } = await testDatabase(t)
  const sqls = [1, 2].map(() => postgres(url, { max: 1, prepare: false, onnotice: () => {} })) as [Sql, Sql]
  t.teardown(() => Promise.all(sqls.map((sql) => sql.end())))

  // Their rows are there: making them makes the second one wait, too.
  const known = ['alice', 'bob'].map((user_id) => ({
    ...{ user_id, turn_id: newTurn().turnId, wait_ms: 1, waiting_messages: 0 },
  }))
  await sqls[0]`select from colloquy.wait_messages(p_entries => ${sqls[0].json(known)}::json)`

  const turns = await overlap(sqls, async (sql) => {
    await sql`select colloquy.act_as('alice')`
    const [row] = await sql<{ refusal: { limit: string } | null }[]>`
      select refusal
      from colloquy.count_turn(
        p_user_id => 'alice', p_turn_id => ${newTurn().turnId}, p_running_turns => 10, p_turns_per_minute => 1,
        p_turns_per_day => null, p_tokens_per_day => null,
        p_reserved => null, p_budget_per_day => null, p_budget_per_month => null)`
    return row?.refusal?.limit
  })
  t.same(turns, [undefined, 'turns-per-minute'], 'one of two turns is counted')

  const waits = await overlap(sqls, async (sql) => {
    const entry = { user_id: 'bob', turn_id: newTurn().turnId, wait_ms: 60_000, waiting_messages: 1 }
    const [row] = await sql<{ outcome: string }[]>`
      select outcome from colloquy.wait_messages(p_entries => ${sql.json([entry])}::json)`
    return row?.outcome
  })
  t.same(waits, ['waiting', 'limited'], 'one of two messages waits')
})
