import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { createAttemptLog } from '../../src/turns/attempts/attempt-log.js'
import { createHeartbeat } from '../../src/turns/attempts/heartbeat.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { begin, end, endOf, newTurn } from '../helpers/turns.js'

// Bounded by the test's own time: what is not heard is waited for in vain.
t.test('two attempts and a follower of one turn on one instance hear what is meant for each', async (t) => {
  const { url } = await testDatabase(t)
  const db = connect({ url, max: 2, prepare: 'auto' })
  t.teardown(() => db.close())
  const idempotency = { keyHash: '00', fingerprint: '00' }
  const turn = newTurn({ idempotency })
  await begin(db, turn)
  await end(db, endOf(turn, { status: 'failed', errorCode: 'model-failed' }))
  const again = await begin(db, newTurn({ idempotency }))
  t.match(again, { outcome: 'begun', turn_id: turn.turnId, attempt: 2 }, 'a second attempt begins')

  let ticks = 0
  const store = createTurnStore(db)
  const counted: typeof store = {
    ...store,
    async syncAttempts(...args) {
      const rows = await store.syncAttempts(...args)
      ticks += 1
      return rows
    },
  }
  const log = { warn: (fields: object) => t.fail('a tick failed', fields) }
  const heartbeat = createHeartbeat({ store: counted, leaseMs: 60_000, log, tickMs: 10 })
  const heard: string[] = []
  const held = [1, 2].map((attempt) =>
    heartbeat.hold(createAttemptLog({ ...turn, attempt }), (signal) => {
      heard.push(`attempt ${attempt}: ${signal}`)
    }),
  )
  const following = heartbeat
    .untilEnded('alice', turn.turnId, AbortSignal.timeout(60_000))
    .then(() => heard.push('follower: ended'))
  await until(() => ticks > 1)
  t.same(new Set(heard), new Set(['attempt 1: lost']), 'the first attempt has lost its turn')

  t.equal(await store.cancelTurn('alice', turn.turnId), 'requested', 'the cancel is requested')
  await until(() => heard.includes('attempt 2: cancel'))
  const before = ticks
  await until(() => ticks > before + 1)
  t.same(new Set(heard), new Set(['attempt 1: lost', 'attempt 2: cancel']), 'the second is cancelled')

  t.equal(await end(db, endOf(turn, { attempt: 2, status: 'cancelled' })), 'stored', 'the end is stored')
  await following
  await until(() => heard.includes('attempt 2: lost'))
  for (const { release } of held) release()
})

t.test('a turn whose row another transaction holds keeps no other of its instance waiting', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const db = connect({ url, max: 2, prepare: 'auto' })
  t.teardown(() => db.close())
  const root = postgres(superuserUrl, { max: 2, onnotice: () => {} })
  t.teardown(() => root.end({ timeout: 0 }))
  const turns = ['alice', 'bob'].map((userId) => newTurn({ userId, leaseMs: 30_000 }))
  for (const turn of turns) await begin(db, turn)

  const session = await root.reserve()
  await session`begin`
  await session`select from colloquy.turns where user_id = 'alice' for update`
  const log = { warn: (fields: object) => t.fail('a tick failed', fields) }
  const heartbeat = createHeartbeat({ store: createTurnStore(db), leaseMs: 600_000, log, tickMs: 10 })
  const heard: string[] = []
  const logs = turns.map((turn) => createAttemptLog({ ...turn, attempt: 1 }))
  const held = logs.map((attemptLog) => heartbeat.hold(attemptLog, (signal) => heard.push(signal)))
  const stored = async (user: string) => {
    const rows = await root<{ events: string[] }[]>`
      select events from colloquy.turn_events where user_id = ${user} order by seq`
    return rows.flatMap(({ events }) => events).join('')
  }
  const isRenewed = async (user: string) => {
    const rows = await root`
      select from colloquy.turns where user_id = ${user} and lease_until > now() + interval '5 minutes'`
    return rows.length === 1
  }
  const say = (delta: string) => {
    for (const attemptLog of logs) attemptLog.append({ type: 'text-delta', delta })
  }

  for (const [delta, all] of [
    ['one ', 'one '],
    ['two ', 'one two '],
  ] as const) {
    say(delta)
    await until(async () => (await stored('bob')) === all)
  }
  await until(() => isRenewed('bob'))
  t.equal(await stored('alice'), '', 'nothing of the locked turn is stored')
  t.notOk(await isRenewed('alice'), 'the lease of the locked turn is not renewed')

  await session`rollback`
  session.release()
  say('three')
  for (const user of ['alice', 'bob']) await until(async () => (await stored(user)) === 'one two three')
  await until(() => isRenewed('alice'))
  t.same(heard, [], 'and no attempt was told to stop')
  for (const { release } of held) release()
})

t.test('what was seen of a lease before the database was away counts no more when it is back', async (t) => {
  const { url } = await testDatabase(t)
  const db = connect({ url, max: 2, prepare: 'auto' })
  t.teardown(() => db.close())
  const store = createTurnStore(db)
  // Each way of not seeing: the tick fails at once, or is answered late.
  const blind = {
    fails: () => Promise.reject(new Error('the database is away')),
    hangs: () => sleep(1_500),
  }
  for (const [how, away] of Object.entries(blind)) {
    const turn = newTurn({ userId: how, leaseMs: 0 })
    await begin(db, turn)
    let ticks = 0
    let isAway = false
    let backAt = Number.POSITIVE_INFINITY
    let seconds = 0
    const watched: Pick<typeof store, 'syncAttempts' | 'interruptTurn'> = {
      async syncAttempts(...args) {
        if (isAway) await away()
        const rows = await store.syncAttempts(...args)
        ticks += 1
        return rows
      },
      interruptTurn(...args) {
        seconds = (performance.now() - backAt) / 1_000
        return store.interruptTurn(...args)
      },
    }
    const heartbeat = createHeartbeat({
      store: watched,
      leaseMs: 60_000,
      log: { warn: () => {} },
      tickMs: 10,
    })
    const ended = heartbeat.untilEnded(how, turn.turnId, AbortSignal.timeout(60_000))
    await until(() => ticks > 1)
    isAway = true
    await sleep(1_200)
    isAway = false
    const before = ticks
    await until(() => ticks > before)
    backAt = performance.now()
    await ended
    t.ok(seconds > 0.9, `${how}: interrupted ${seconds.toFixed(2)} s after the database was back`)
  }
})

/** A heartbeat of users who are on nodes, and how to hold a turn of one. */
const onNodes = (
  t: Test,
  nodeOf: (userId: string) => string,
  ask: (users: string[]) => Promise<unknown>,
  warn: () => void = () => t.fail('a tick failed'),
) => {
  const heard: string[] = []
  const heartbeat = createHeartbeat({
    store: {
      async syncAttempts(entries) {
        await ask(entries.map(({ user_id }) => user_id))
        return entries.map((_, n) => ({ entry: n + 1, state: 'cancel', seq: 0, events: [] }))
      },
      interruptTurn: async () => {},
    },
    leaseMs: 60_000,
    groupOf: nodeOf,
    log: { warn },
    tickMs: 1,
  })
  const hold = (userId: string) =>
    heartbeat.hold(createAttemptLog({ ...newTurn({ userId }), attempt: 1 }), (signal) =>
      heard.push(`${userId}: ${signal}`),
    )
  return { hold, heard }
}

t.test('a node that fails keeps no turns of another waiting', async (t) => {
  let failures = 0
  const { hold, heard } = onNodes(
    t,
    (userId) => userId,
    async ([user]) => {
      if (user === 'away') throw new Error('as asked')
    },
    () => {
      failures += 1
    },
  )
  const held = ['away', 'here'].map(hold)
  await until(() => failures > 1)
  for (const { release } of held) release()
  t.same([...new Set(heard)], ['here: cancel'], 'what is there is heard of')
})

t.test('a node that is silent keeps no turns of another waiting', async (t) => {
  let answer = () => {}
  const silence = new Promise<void>((resolve) => {
    answer = resolve
  })
  const nodes: Record<string, string> = { silent: 'A', late: 'A', here: 'B' }
  const asked: string[] = []
  const { hold, heard } = onNodes(
    t,
    (userId) => nodes[userId] as string,
    async (users) => {
      asked.push(...users)
      if (users.includes('silent')) await silence
    },
  )
  const times = (user: string) => asked.filter((one) => one === user).length
  const more = async () => {
    const before = times('here')
    await until(() => times('here') > before + 2)
  }
  const held = ['silent', 'here'].map(hold)
  await until(() => asked.includes('silent'))
  held.push(hold('late'))
  await more()
  t.equal(times('late'), 0, 'there is one statement of a node at a time')
  nodes.silent = 'B'
  nodes.late = 'B'
  await until(() => asked.includes('late'))
  await more()
  t.equal(times('silent'), 1, 'a turn that is asked for is not asked for again elsewhere')
  t.same(new Set(heard), new Set(['here: cancel', 'late: cancel']), 'what is there is heard of')
  answer()
  await until(() => times('silent') > 1)
  t.ok(heard.includes('silent: cancel'), 'as is the other, when its node answers')
  for (const { release } of held) release()
})
