import postgres from 'postgres'
import t from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { removeExpired } from '../../src/turns/store/remove-expired.js'
import { testApp } from '../helpers/app.js'
import { begin, end, endOf, newTurn } from '../helpers/turns.js'

// What a removal locks, reads, and leaves for those who follow the user.
const app = await testApp(t)
const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const ended = async (turn: ReturnType<typeof newTurn>) => {
  await begin(app.db, turn)
  await end(app.db, endOf(turn))
  return turn
}

const expire = async (userId: string) => {
  await sql`
    update colloquy.conversations
    set own_expires_at = now() - interval '1 second', expires_at = now() - interval '1 second'
    where user_id = ${userId}`
  await sql`
    insert into colloquy.removals (user_id, conversation_id, remove_at)
    select user_id, id, now() from colloquy.conversations where user_id = ${userId}`
}
const removal = { claim: uuidv7(), leaseMs: 60_000, retention: undefined, rows: 1_000 }

t.test('a removal that has counted what a turn cost waits for no other turn', async (t) => {
  // The usage that it has locked is awaited by the end of another turn, which has that turn's lock.
  const lapsed = ['one', 'two'].map((title) => newTurn({ title, leaseMs: 1, reserved: 5 }))
  for (const turn of lapsed) await begin(app.db, turn)
  await expire('alice')
  const left = () => sql`select last_turn_id from colloquy.conversations where user_id = 'alice'`
  const running = async () =>
    (await sql`select from colloquy.turns where user_id = 'alice' and status = 'running'`).length
  t.equal(await removeExpired(app.db, removal), 'more', 'it ends at once')
  t.equal(await running(), 1, 'one turn that ran has gone, and the other is for the next call')
  while ((await removeExpired(app.db, removal)) === 'more');
  t.same(await left(), [], 'in the end all have gone')
})

t.test('a part of a removal does not read all the turns that are left', async (t) => {
  const turn = await ended(newTurn({ userId: 'ben' }))
  await sql`
    insert into colloquy.turns
    select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), 'position', 2 * n + 1,
      'user_message_id', gen_random_uuid(), 'message_id', gen_random_uuid()))).*
    from colloquy.turns t, generate_series(1, 5000) n
    where t.user_id = 'ben'`
  const blocksOfPart = () =>
    sql.begin(async (sql) => {
      await sql`select colloquy.act_as('ben')`
      const [row] = await sql`
        explain (analyze, buffers, format json)
        select colloquy.delete_conversations(
          p_user_id => 'ben', p_conversation_ids => array[${turn.conversationId}::uuid], p_rows => 10)`
      const { Plan } = row?.['QUERY PLAN'][0] ?? {}
      return Plan['Shared Hit Blocks'] + Plan['Shared Read Blocks']
    })
  // The first one plans.
  await blocksOfPart()
  const blocks = await blocksOfPart()
  t.ok(blocks < 285, `${blocks} blocks for 10 of 5,000 turns`)
})

t.test('who needs the id of an expired conversation leaves one note that it was deleted', async (t) => {
  const turn = await ended(newTurn({ userId: 'carl' }))
  await expire('carl')
  const purge = async () => {
    const [row] = await sql<[{ is_done: boolean }]>`
      select colloquy.purge_expired('carl', ${turn.conversationId}, 1) as is_done`
    return row.is_done
  }
  let parts = 1
  while (!(await purge())) parts += 1
  t.ok(parts > 1, `it takes ${parts} parts`)
  t.same(
    await sql`select type, conversation_id from colloquy.updates where user_id = 'carl'`,
    [{ type: 'conversation-deleted', conversation_id: turn.conversationId }],
    'those who follow the user are told once',
  )
})
