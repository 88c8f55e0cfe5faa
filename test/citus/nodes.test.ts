import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { endOf, newTurn } from '../helpers/turns.js'
import { moveShard } from '../history/citus.js'

t.setTimeout(300_000)

const users = Array.from({ length: 40 }, (_, n) => `user-${n}`)

t.test('batches go to the node of their users, and are right when it is another one meanwhile', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const root = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => root.end())
  const db = connect({ url, max: 5, prepare: 'auto' })
  t.teardown(() => db.close())
  const nodeOf = async (user: string): Promise<string> => {
    const [row] = await root<[{ node: string }]>`
      select groupid::text as node from pg_dist_placement
      where shardid = get_shard_id_for_distribution_column('colloquy.conversations', ${user}::text)`
    return row.node
  }
  await db.statement((sql) => sql`select`)
  db.nodeOf('alice')
  await until(() => db.nodeOf('alice') !== '')
  for (const user of users) t.equal(db.nodeOf(user), await nodeOf(user), `where ${user} is`)

  for (const call of [
    `begin_turns('[]', false, 'alice')`,
    `end_turns('[]', false, 'alice')`,
    `sync_attempts('[]', 1, 'alice')`,
    `wait_messages('[]', 'alice')`,
    `read_updates('[]', 'alice')`,
  ]) {
    const plan = await root.unsafe(`explain (costs off) select * from colloquy.${call}`)
    t.match(JSON.stringify(plan), /Citus Adaptive/, `${call} is sent to the node of its user`)
  }

  const store = createTurnStore(db)
  const turns = users.map((userId) => newTurn({ userId }))
  const begun = await Promise.all(turns.map(store.beginTurn))
  t.same([...new Set(begun.map(({ outcome }) => outcome))], ['begun'], 'all begin')
  // What is known of the nodes is wrong now, for seconds.
  const known = users.map((user) => db.nodeOf(user))
  for (let n = 0; n < 3; n += 1) await moveShard(superuserUrl, () => n * 2)
  const ended = await Promise.all(turns.map((turn) => store.endTurn(endOf(turn))))
  t.same([...new Set(ended.map(({ outcome }) => outcome))], ['stored'], 'all end, on whatever node they are')
  const [counted] = await root<[{ turns: number; messages: number }]>`
    select (select count(*)::integer from colloquy.turns where status = 'completed') as turns,
      (select count(*)::integer from colloquy.messages) as messages`
  t.same(counted, { turns: users.length, messages: 2 * users.length }, 'nothing is lost')
  const moved = await Promise.all(users.map(nodeOf))
  t.notSame(moved, known, 'some were moved')
  for (let n = 0; n < 200 && users.some((user, i) => db.nodeOf(user) !== moved[i]); n += 1) await sleep(100)
  t.same(
    users.map((user) => db.nodeOf(user)),
    moved,
    'it is known after a while',
  )
})
