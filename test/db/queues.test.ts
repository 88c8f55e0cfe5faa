import t from 'tap'
import type { Database, Sql } from '../../src/db/database.js'
import { connected } from '../helpers/connected.js'

const one = (sql: Sql) => sql<{ one: number }[]>`select 1 as one`
const ways = {
  asUser: (db: Database) => db.asUser('alice', one),
  statement: (db: Database) => db.statement(one),
}

/** The order in which calls end that all waited for the one connection. */
const orderOf = async (db: Database, calls: (keyof typeof ways)[]): Promise<string[]> => {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const holder = db.asUser('alice', () => held)
  const order: string[] = []
  const ends = calls.map(async (way) => {
    await ways[way](db)
    order.push(way)
  })
  release()
  await Promise.all([holder, ...ends])
  return order
}

t.test(
  'a read does not stand behind all turns that begin or end at once, nor they behind reads',
  async (t) => {
    const { db } = await connected(t)
    const many = 20
    const pairs = [
      ['statement', 'asUser'],
      ['asUser', 'statement'],
    ] as const
    for (const [crowd, single] of pairs) {
      const order = await orderOf(db, [...Array.from({ length: many }, () => crowd), single])
      t.equal(order.length, many + 1)
      t.ok(
        order.indexOf(single) <= 1,
        `one ${single} among many of ${crowd} was number ${order.indexOf(single) + 1}`,
      )
    }
  },
)

t.test('the two lines take turns', async (t) => {
  const { db } = await connected(t)
  const crowd = ['statement', 'statement', 'statement', 'asUser', 'asUser', 'asUser'] as const
  const order = await orderOf(db, [...crowd])
  t.same(new Set(order.filter((_, i) => i % 2 === 0)).size, 1, order.join(', '))
  t.same(new Set(order.filter((_, i) => i % 2 === 1)).size, 1)
})

t.test('so many may wait; whoever comes then is refused at once', async (t) => {
  const { db } = await connected(t, { maxWaiting: 3 })
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  let holder: Promise<void> | undefined
  await new Promise<void>((resolve) => {
    holder = db.asUser('alice', () => {
      resolve()
      return held
    })
  })
  const waiting = Array.from({ length: 3 }, () => ways.statement(db))
  await t.rejects(ways.asUser(db), { name: 'DatabaseUnavailable', message: /3 requests are already waiting/ })
  release()
  await Promise.all([holder, ...waiting])
  t.equal((await ways.asUser(db)).length, 1)
})
