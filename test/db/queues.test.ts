import t from 'tap'
import type { Connection } from '../../src/db/connection.js'
import type { Database, Sql } from '../../src/db/database.js'
import { createPool } from '../../src/db/pool.js'
import { withProbeTimeout } from '../../src/db/probe-timeout.js'
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
      t.equal(order.length, many + 1, `one ${single} among many of ${crowd}: each is served`)
      t.ok(
        order.indexOf(single) <= 1,
        `one ${single} among many of ${crowd} was number ${order.indexOf(single) + 1}`,
      )
    }
  },
)

t.test('users take turns: one read does not stand behind all that another user has asked for', async (t) => {
  const { db } = await connected(t)
  const crowds = {
    transactions: () => db.asUser('alice', one),
    statements: () => db.statement(one, 'others', 'alice'),
  }
  const reads = {
    transaction: () => db.asUser('bob', one),
    statement: () => db.statement(one, 'others', 'bob'),
  }
  for (const [crowd, ask] of Object.entries(crowds)) {
    for (const [single, read] of Object.entries(reads)) {
      let release = () => {}
      const held = new Promise<void>((resolve) => {
        release = resolve
      })
      const holder = db.asUser('carol', () => held)
      const order: string[] = []
      const ends = [...Array.from({ length: 20 }, () => ask), read].map((call) =>
        call().then(() => order.push(call === read ? 'bob' : 'alice')),
      )
      release()
      await Promise.all([holder, ...ends])
      t.ok(
        order.indexOf('bob') <= 1,
        `a ${single} of bob's among alice's ${crowd}: number ${order.indexOf('bob') + 1}`,
      )
    }
  }
})

t.test('a probe goes before all who wait', async (t) => {
  const { db } = await connected(t)
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const holder = db.asUser('alice', () => held)
  const order: string[] = []
  const wait = async (who: string, work: Promise<unknown>) => {
    await work
    order.push(who)
  }
  const crowd = [1, 2, 3].flatMap(() => [wait('turn', ways.statement(db)), wait('read', ways.asUser(db))])
  const probe = wait('probe', withProbeTimeout(db).asLogin(one))
  release()
  await Promise.all([holder, ...crowd, probe])
  t.equal(order[0], 'probe', order.join(', '))
})

t.test('the two lines take turns', async (t) => {
  const { db } = await connected(t)
  const crowd = ['statement', 'statement', 'statement', 'asUser', 'asUser', 'asUser'] as const
  const order = await orderOf(db, [...crowd])
  t.same(new Set(order.filter((_, i) => i % 2 === 0)).size, 1, order.join(', '))
  t.same(new Set(order.filter((_, i) => i % 2 === 1)).size, 1, 'the others take the turns between')
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
  await t.rejects(
    ways.asUser(db),
    { name: 'DatabaseUnavailable', message: /3 requests are already waiting/ },
    'one more is refused',
  )
  release()
  await Promise.all([holder, ...waiting])
  t.equal((await ways.asUser(db)).length, 1, 'there is room again')
})

t.test('after a failover no connection to the old server is given out, idle or in use', async (t) => {
  const destroyed: number[] = []
  let opened = 0
  const open = async (): Promise<Connection> => {
    opened += 1
    const number = opened
    let isAlive = true
    const destroy = () => {
      isAlive = false
      destroyed.push(number)
    }
    return { number, isAlive: () => isAlive, destroy, end: async () => destroy() } as never
  }
  const pool = createPool({ open, max: 3, acquireTimeoutMs: 1_000, maxWaiting: 10 })
  const acquire = async () => (await pool.acquire('others')) as Connection & { number: number }
  const [busy, ...idle] = [await acquire(), await acquire(), await acquire()]
  for (const connection of idle) pool.release(connection)
  pool.retireAll()
  t.same(destroyed, [2, 3], 'the idle ones are closed at once')
  pool.release(busy as Connection)
  t.same(destroyed, [2, 3, 1], 'the one in use when it is released')
})
