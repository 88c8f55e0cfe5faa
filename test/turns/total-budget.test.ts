import pino from 'pino'
import postgres, { type Sql } from 'postgres'
import t, { type Test } from 'tap'
import { beginTurns } from '../../src/turns/store/begin-turns.js'
import { type Json, type TestApp, testApp } from '../helpers/app.js'
import { stopClock } from '../helpers/clock.js'
import { isDistributed } from '../helpers/database.js'
import { isWaiting } from '../helpers/is-waiting.js'
import { prices, spender } from '../helpers/spender.js'
import { begin, end, endOf, newTurn } from '../helpers/turns.js'
import { until } from '../helpers/wait.js'
import { readDump } from '../history/dump.js'

const noon = new Date('2026-11-27T12:00:00Z')
const most = 100

const superuser = (t: Test, { superuserUrl }: TestApp): Sql => {
  const sql = postgres(superuserUrl, { max: 2, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

const send = ({ call }: TestApp, message: string, user: string, key?: string) =>
  call('POST', `/api/${user}/chat`, {
    user,
    body: { message },
    headers: { ...(key !== undefined && { 'idempotency-key': key }) },
  })

/** Two instances on one database, and their model. */
const start = async (t: Test, totalBudget = { perDay: 300, perMonth: 1_000 as number | null }) => {
  const spending = spender()
  const options = { model: spending.model, prices, maxOutputTokens: most, totalBudget }
  const app = await testApp(t, options)
  const other = await testApp(t, { ...options, databaseUrl: app.databaseUrl })
  t.teardown(spending.open)
  const sql = superuser(t, app)
  const setClock = await stopClock(sql)
  await setClock(noon)
  const spent = async (): Promise<Json> => {
    const rows =
      await sql`select month::text, spent::int, to_json(days) as days from colloquy.total_spending order by month`
    return rows.map(({ month, spent, days }) => {
      const sum = days.reduce((total: number, day: number) => total + day, 0)
      return [month, spent, ...(sum === spent ? [] : [`its days have ${sum}`])].join(' ')
    })
  }
  return { app, other, options, sql, setClock, spent, ...spending }
}

const isRefused = { status: 503, body: { code: 'service-budget-exceeded', limit: 'budget' } }

t.test('a budget for all users', async (t) => {
  const { app, other, setClock, spent, sql, requests, open } = await start(t)

  await t.test('holds for all of them together, on all instances', async (t) => {
    const users = Array.from({ length: 24 }, (_, n) => `user-${n}`)
    const answers = users.map((user, n) => send(n % 2 === 0 ? app : other, 'wait 1', user, 'k'))
    const refused = answers.map((answer) => answer.then(({ status }) => status === 503))
    await until(async () => {
      const known = await Promise.all(refused.map((it) => Promise.race([it, false])))
      return requests.length === 3 && known.filter(Boolean).length === 21
    })
    t.same(await spent(), ['2026-11-01 300'], 'what three turns may cost at most is all that there is')
    const late = await send(other, 'no 1', 'late')
    t.match(late, isRefused, 'whoever comes is refused')
    t.equal(late.headers.get('retry-after'), '60', 'and is to ask again in a minute: a turn may end')
    t.equal(late.headers.get('ratelimit-policy'), null, 'how much it is, is the operator’s')
    t.notMatch(late.text, /300/, 'nor does the text tell it')
    t.equal(requests.length, 3, 'no model is asked')
    open()
    const statuses = (await Promise.all(answers)).map(({ status }) => status)
    t.equal(statuses.filter((status) => status === 200).length, 3, 'those that ran are answered')
    t.same(await spent(), ['2026-11-01 3'], 'and what they did not spend is free again')
    const first = users[statuses.indexOf(503)] ?? ''
    t.equal((await send(app, 'wait 1', first, 'k')).status, 200, 'a refusal leaves no key behind')
  })

  await t.test('to the microunit', async (t) => {
    t.equal((await send(app, 'one 96', 'ann')).status, 200, 'a turn')
    t.equal((await send(app, 'one 100', 'bob', 'b')).status, 200, 'one of another user')
    t.equal((await send(other, 'one 100', 'cid')).status, 200, 'one that takes the rest')
    t.same(await spent(), ['2026-11-01 300'], 'nothing is left')
    t.match(await send(app, 'no 0', 'dan'), isRefused, 'for anybody')
    t.match(await send(app, 'one 100', 'bob', 'b'), { status: 200 }, 'a replay needs nothing of it')
    await setClock(new Date('2026-11-27T23:59:30Z'))
    const late = await send(app, 'no 0', 'dan')
    t.equal(late.headers.get('retry-after'), '30', 'soon the next day begins')
  })

  await t.test('a turn counts on the day on which it began', async (t) => {
    await setClock(new Date('2026-11-28T12:00:00Z'))
    t.equal((await send(app, 'one 1', 'ann')).status, 200, 'the next day has a budget of its own')
    const turn = () =>
      newTurn({ userId: 'eve', reserved: 100, leaseMs: 1, totalBudget: { perDay: 300, perMonth: 1_000 } })
    const [deleted, dead] = [turn(), turn()]
    for (const each of [deleted, dead]) t.equal((await begin(app.db, each)).outcome, 'begun', 'a turn begins')
    t.match(await send(app, 'no 0', 'dan'), isRefused, 'which reserves')
    await app.call('DELETE', `/api/eve/conversations/${deleted.conversationId}`, { user: 'eve' })
    t.match(await send(app, 'no 0', 'dan'), isRefused, 'a deletion frees nothing')
    await setClock(new Date('2026-11-29T12:00:00Z'))
    await sql`select colloquy.interrupt_turn('eve', ${dead.turnId}, 'cut off')`
    await app.call('DELETE', '/api/eve?confirm=eve', { user: 'eve' })
    t.same(await spent(), ['2026-11-01 501'], 'nor does a dead instance, nor an erasure')
    for (const n of [1, 2, 3])
      t.equal((await send(app, 'one 100', 'ann')).status, 200, `turn ${n} of a third day`)
  })

  await t.test('a month has a budget, too', async (t) => {
    await setClock(new Date('2026-11-30T12:00:00Z'))
    t.equal((await send(app, 'one 100', 'ann')).status, 200, 'a turn that the month has room for')
    t.match(await send(app, 'no 0', 'ann'), isRefused, 'one that it has no room for')
    await setClock(new Date('2026-12-01T00:00:00Z'))
    t.equal((await send(app, 'one 100', 'ann')).status, 200, 'the next month begins anew')
    t.same(await spent(), ['2026-11-01 901', '2026-12-01 100'], 'each has what was spent in it')
  })
})

t.test('what two instances reserve at the same moment does not pass it together', async (t) => {
  const { app, sql, spent } = await start(t, { perDay: 150, perMonth: null })
  const turn = (userId: string) =>
    newTurn({ userId, reserved: 100, totalBudget: { perDay: 150, perMonth: null } })
  const after = (amount: number, next: Parameters<typeof begin>[1]) =>
    sql.begin(async (tx) => {
      await tx`select colloquy.act_as(null)`
      await tx`
        select colloquy.reserve_total(
          p_day => ${noon}::date, p_amount => ${amount}, p_per_day => 150, p_per_month => null)`
      // It has seen that there is room, and waits for the row.
      const begun = begin(app.db, next)
      await until(() => isWaiting(sql), 'somebody to wait for a lock')
      return { begun }
    })
  const first = await after(1, { ...turn('ann'), reserved: 2 })
  t.equal((await first.begun).outcome, 'begun', 'of two that are a month’s first, both begin')
  t.same(await spent(), ['2026-11-01 3'], 'and both are counted')
  const second = await after(100, turn('bob'))
  const { outcome, refusal } = (await second.begun) as { outcome: string; refusal?: unknown }
  t.equal(outcome, 'limited', 'the second one is refused')
  t.match(refusal, { limit: 'budget', reset_s: null }, 'and may ask again at once')
  t.same(await spent(), ['2026-11-01 103'], 'and has taken nothing')
  t.equal((await sql`select from colloquy.turns where user_id = 'bob'`).length, 0, 'nor written anything')
})

t.test('a turn whose conversation is deleted while it runs', async (t) => {
  const { model, requests } = spender()
  const totalBudget = { perDay: 500, perMonth: null }
  const lines: string[] = []
  const app = await testApp(t, {
    // One of two models may be asked before the other, so a turn reserves two requests.
    model: { ...model, chain: ['spender', 'other'] },
    ...{ prices, maxOutputTokens: most, totalBudget },
    log: pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) }),
  })
  const sql = superuser(t, app)
  await (await stopClock(sql))(noon)
  const taken = async () => {
    const [row] = await sql`
      select
        (select sum(spent) from colloquy.total_spending where user_id = '')::int as spent,
        (select count(*) from colloquy.total_reservations where user_id = '')::int as kept`
    return { ...row }
  }

  await t.test('takes what it may have cost, and not all that it has reserved', async (t) => {
    for (const n of [1, 2, 3]) {
      const sent = send(app, 'wait 1', 'alice')
      await until(() => requests.length === n, 'the turn to run')
      t.equal((await taken()).spent, n * 100 + 100, 'two requests are reserved')
      await app.call('DELETE', '/api/alice?confirm=alice', { user: 'alice' })
      t.equal((await sent).status, 404, 'it is gone with its user')
      await until(async () => (await taken()).kept === 0, 'its end to be settled')
    }
    t.equal((await taken()).spent, 300, 'one request each: it was made, and nobody knows what it cost')
  })

  await t.test('is settled once, by its own attempt', async (t) => {
    const turn = newTurn({ userId: 'bob', reserved: 200, totalBudget })
    await begin(app.db, turn)
    await app.call('DELETE', `/api/bob/conversations/${turn.conversationId}`, { user: 'bob' })
    t.same(await taken(), { spent: 500, kept: 1 }, 'what it has reserved stays taken')
    const rows = await sql`select * from colloquy.total_reservations`
    t.notMatch(JSON.stringify(rows), /bob/, 'for nobody')
    for (const [fields, spent] of [
      [{ attempt: 2, cost: 1 }, 500],
      [{ cost: 7 }, 307],
      [{ cost: 7 }, 307],
    ] as const) {
      t.equal(await end(app.db, endOf(turn, fields)), 'not-found', 'the turn is not there')
      t.equal((await taken()).spent, spent, `after the end ${JSON.stringify(fields)}`)
    }
    t.match(
      (await readDump(app.superuserUrl, isDistributed)).users.find(({ user_id }) => user_id === 'bob'),
      { running: 0, reserved: 0, spent: 200 },
      'the history checker judges who has only usage left, too',
    )
  })

  await t.test('stays taken when nobody comes to tell what it cost', async (t) => {
    const [old, next] = ['cid', 'dan'].map((userId) => newTurn({ userId, reserved: 10, totalBudget }))
    if (!old || !next) throw new Error('unreachable')
    const remove = ({ userId, conversationId }: typeof old) =>
      app.call('DELETE', `/api/${userId}/conversations/${conversationId}`, { user: userId })
    await begin(app.db, old)
    await remove(old)
    const unknown = newTurn({ userId: 'eve', reserved: 10, totalBudget })
    await begin(app.db, unknown)
    await remove(unknown)
    await end(app.db, endOf(unknown, { cost: null }))
    t.same(await taken(), { spent: 327, kept: 1 }, 'nor is anything given back when that is not known')
    await sql`update colloquy.total_reservations set reserved_on = reserved_on - 2`
    await begin(app.db, next)
    await remove(next)
    t.same(await taken(), { spent: 337, kept: 1 }, 'the row of the day before yesterday is forgotten')
    await end(app.db, endOf(next, { cost: 0 }))
  })

  await t.test('a refusal is told to the operator, once a minute at most', async (t) => {
    t.equal((await send(app, 'one 1', 'fay')).status, 503, 'a message is refused')
    t.equal((await send(app, 'one 1', 'fay')).status, 503, 'another one')
    t.same(
      lines
        .map((line) => JSON.parse(line))
        .filter(({ budget }) => budget)
        .map(({ msg, budget }) => [msg, budget]),
      [['messages are refused: the budget for all users is used up', totalBudget]],
      'the log says it once',
    )
  })

  await t.test('what reserves nothing counts with what it costs', async (t) => {
    const turn = (fields = {}) => newTurn({ userId: 'gus', totalBudget, ...fields })
    const [none, some] = [turn(), turn({ reserved: 100 })]
    const begun = await beginTurns(app.db, [none, some], false)
    t.same(
      begun.map(({ outcome }) => outcome),
      ['begun', 'begun'],
      'beside one that does',
    )
    t.equal((await taken()).spent, 427, 'which is counted')
    await end(app.db, endOf(none, { cost: 5 }))
    t.equal((await taken()).spent, 432, 'and what it cost')
    await sql`delete from colloquy.total_spending`
    await end(app.db, endOf(some, { cost: 103 }))
    t.equal((await taken()).spent, 3, 'also in a month that has no row yet')
  })
})

const skip = isDistributed && 'what other tests did of the one database is counted, too'
t.test('without it nothing of it is read, locked or written', { skip }, async (t) => {
  const plain = await testApp(t, { model: spender().model, prices })
  const { conversation_id } = await plain.chat('one 1')
  await plain.chat('one 1', { conversation_id })
  await plain.app.close()
  // What a connection has done is counted when it closes.
  await plain.db.close()
  const sql = superuser(t, plain)
  const done = async (table: string): Promise<number> => {
    const [row] = await sql<[{ done: number }]>`
      select (seq_scan + coalesce(idx_scan, 0) + n_tup_ins)::integer as done
      from pg_stat_user_tables where schemaname = 'colloquy' and relname = ${table}`
    return row.done
  }
  await until(async () => (await done('turns')) > 0, 'the turns to be counted')
  t.equal(await done('total_spending'), 0, 'no statement touches its table')
  t.equal(await done('total_reservations'), 0, 'nor the other one')
  const [row] =
    await sql`select count(reserved)::int as reserved, count(reserved_on)::int as days from colloquy.turns`
  t.same({ ...row }, { reserved: 0, days: 0 }, 'and no turn has anything of it')
})
