import postgres from 'postgres'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { DatabaseUnavailable } from '../../src/db/errors.js'
import { createGroupCommit, type GroupCommitOptions } from '../../src/turns/store/group-commit.js'
import { createTurnStore } from '../../src/turns/store/turn-store.js'
import { testDatabase } from '../helpers/database.js'
import { begin, endOf, newTurn } from '../helpers/turns.js'

interface Answer {
  outcome: string
}

interface Sent {
  entries: string[]
  mayWait: boolean
  answer(outcome?: (entry: string) => string): void
  fail(error: unknown): void
}

/** A group commit of texts whose statements are answered by the test. */
const texts = (options: Partial<GroupCommitOptions<string, Answer>> = {}) => {
  const sent: Sent[] = []
  const commit = createGroupCommit<string, Answer>({
    send: (entries, mayWait) =>
      new Promise((resolve, reject) => {
        const answer = (outcome = (entry: string) => `did ${entry}`) =>
          resolve(entries.map((entry) => ({ outcome: outcome(entry) })))
        sent.push({ entries: [...entries], mayWait, answer, fail: reject })
      }),
    sizeOf: (entry) => entry.length,
    ...options,
  })
  const nth = (n: number): Sent => {
    const statement = sent[n]
    if (!statement) throw new Error(`nothing was sent as number ${n}`)
    return statement
  }
  return {
    commit: (entry: string) => commit(entry).then(({ outcome }) => outcome),
    sent,
    nth,
    allMayWait: (from: number) => sent.slice(from).every(({ mayWait }) => mayWait),
    batches: () => sent.map(({ entries }) => entries.join(' ')),
  }
}

/** Until all that follows from what has settled was done. */
const settled = () => new Promise((resolve) => setImmediate(resolve))

t.test('what comes alone leaves alone, at once; what comes meanwhile leaves together', async (t) => {
  const { commit, nth, batches } = texts()
  const first = commit('a')
  t.same(batches(), ['a'], 'without waiting for anything')
  const others = ['b', 'c', 'd'].map(commit)
  await settled()
  t.same(batches(), ['a'], 'one statement at a time')
  nth(0).answer()
  t.equal(await first, 'did a', 'the first is answered')
  await settled()
  t.same(batches(), ['a', 'b c d'], 'the others leave in one batch')
  t.notOk(nth(1).mayWait, 'a batch does not wait for locks')
  nth(1).answer()
  t.same(await Promise.all(others), ['did b', 'did c', 'did d'], 'each gets its own answer')
  const last = commit('e')
  t.same(batches(), ['a', 'b c d', 'e'], 'and then it is as at first')
  nth(2).answer()
  await last
})

t.test('a batch is bounded in its entries and in their size', async (t) => {
  const { commit, nth, batches } = texts({ maxEntries: 3, maxSize: 5 })
  const all = ['a', '1', '2', '3', '4', 'four', 'xy', 'far too long', 'z'].map(commit)
  for (let n = 0; n < batches().length; n += 1) {
    nth(n).answer()
    await settled()
  }
  t.same(batches(), ['a', '1 2 3', '4 four', 'xy', 'far too long', 'z'], 'only one alone exceeds a limit')
  await Promise.all(all)
})

t.test('an entry that the server refuses fails alone', async (t) => {
  const { commit, nth, batches, sent } = texts()
  const refused = new Error('the third is wrong')
  const first = commit('a')
  const [b, c, d] = ['b', 'c', 'd'].map(commit) as [Promise<string>, Promise<string>, Promise<string>]
  nth(0).answer()
  await first
  await settled()
  nth(1).fail(refused)
  await settled()
  t.same(batches(), ['a', 'b c d', 'b', 'c', 'd'], 'each entry of the failed batch is sent again alone')
  const next = commit('e')
  t.equal(batches().at(-1), 'e', 'what comes next does not wait for them')
  nth(5).answer()
  t.equal(await next, 'did e', 'the next entry is answered')
  nth(2).answer()
  nth(3).fail(refused)
  nth(4).answer()
  t.same(await Promise.all([b, d]), ['did b', 'did d'], 'the others are done')
  await t.rejects(c, refused, 'the refused entry fails')

  const single = commit('f')
  nth(6).fail(refused)
  await t.rejects(single, refused, 'one that was alone is not sent again')
  t.equal(sent.length, 7, 'nothing more is sent')
})

t.test('an entry of a failed batch that need not wait does not stand behind those that do', async (t) => {
  const { commit, sent, nth, batches, allMayWait } = texts({ maxWaitingOfOwner: 1 })
  const held = commit('held')
  nth(0).answer(() => 'locked')
  await settled()
  t.ok(allMayWait(1), 'alone, an entry that was locked may wait for locks')
  const opening = commit('x')
  const [free, alike, wrong] = ['free', 'alike', 'wrong'].map(commit) as [
    Promise<string>,
    Promise<string>,
    Promise<string>,
  ]
  nth(2).answer()
  await opening
  await settled()
  nth(3).fail(new Error('one is wrong'))
  await settled()
  t.same(
    batches().slice(4),
    ['free', 'alike', 'wrong'],
    'each is sent again, although its owner has one that waits',
  )
  t.notOk(
    sent.slice(4).some(({ mayWait }) => mayWait),
    'none of them waits for a lock',
  )
  nth(4).answer()
  t.equal(await free, 'did free', 'so one that needs none is answered')
  nth(5).answer(() => 'locked')
  const refused = new Error('it is wrong')
  nth(6).fail(refused)
  await t.rejects(wrong, refused, 'the wrong one fails')
  t.equal(sent.length, 7, 'one that was locked waits for its owner’s place')
  nth(1).answer()
  t.equal(await held, 'did held', 'when that is free')
  await settled()
  t.same([batches().at(-1), nth(7).mayWait], ['alike', true], 'it may wait for locks, too')
  nth(7).answer()
  t.equal(await alike, 'did alike', 'and is answered')
})

t.test('a limit or a deadlock that a statement ran into is the fault of one entry, too', async (t) => {
  for (const code of ['57014', '55P03', '40P01']) {
    const { commit, nth, batches } = texts()
    const cut = Object.assign(new postgres.PostgresError('canceling statement'), { code })
    const all = ['a', 'b', 'c'].map(commit)
    nth(0).answer()
    await settled()
    nth(1).fail(new DatabaseUnavailable(cut))
    await settled()
    t.same(batches(), ['a', 'b c', 'b', 'c'], `${code}: each entry of the batch is sent again alone`)
    nth(2).answer()
    nth(3).answer()
    await Promise.all(all)
  }
})

t.test('a lost connection concerns all that were sent on it, and nothing is sent again', async (t) => {
  const { commit, nth, batches } = texts()
  const lost = new DatabaseUnavailable(new Error('reset'), 'unknown')
  const first = commit('a')
  const others = ['b', 'c'].map(commit)
  nth(0).answer()
  await first
  await settled()
  const next = commit('d')
  nth(1).fail(lost)
  const failed = others.map(() => ({ status: 'rejected', reason: lost }))
  t.same(await Promise.allSettled(others), failed, 'all that were sent on it fail')
  await settled()
  t.same(batches(), ['a', 'b c', 'd'], 'what came meanwhile has its own try')
  nth(2).answer()
  await next
})

t.test('an entry that is locked is sent again alone, and keeps nobody', async (t) => {
  const { commit, nth, batches, allMayWait } = texts({ maxWaiting: 2 })
  const first = commit('a')
  const free = commit('free')
  const locked = ['l1', 'l2', 'l3'].map(commit)
  nth(0).answer()
  await first
  await settled()
  nth(1).answer((entry) => (entry === 'free' ? 'done' : 'locked'))
  t.equal(await free, 'done', 'the free entry is done')
  await settled()
  t.same(batches(), ['a', 'free l1 l2 l3', 'l1', 'l2'], 'only so many wait at once')
  t.ok(allMayWait(2), 'alone, an entry may wait for locks')
  const next = commit('e')
  nth(4).answer()
  t.equal(await next, 'did e', 'an entry that comes meanwhile is answered')
  nth(3).answer()
  await settled()
  t.equal(batches().at(-1), 'l3', 'the third is sent once another is done')
  nth(5).answer()
  nth(2).answer()
  t.same(await Promise.all(locked), ['did l1', 'did l2', 'did l3'], 'each locked entry gets its own answer')
})

t.test('each group has batches of its own, which are sent at the same time', async (t) => {
  const { commit, nth, batches } = texts({ groupOf: ([group = '']) => group })
  const answers = ['a1', 'b1', 'a2', 'b2', 'a3'].map(commit)
  t.same(batches(), ['a1', 'b1'], 'none waits for another group')
  nth(1).answer()
  await settled()
  t.same(batches(), ['a1', 'b1', 'b2'], 'what came meanwhile waits for its own')
  nth(0).answer()
  await settled()
  t.equal(batches().at(-1), 'a2 a3', 'and leaves together')
  nth(2).answer()
  nth(3).answer()
  t.same(await Promise.all(answers), ['did a1', 'did b1', 'did a2', 'did b2', 'did a3'], 'all are answered')
})

t.test('what is sent again alone waits for none of another group', async (t) => {
  const again: Record<string, (batch: Sent) => void> = {
    locked: (batch) => batch.answer(() => 'locked'),
    failed: (batch) => batch.fail(new Error('one is wrong, or its node is away')),
  }
  for (const [how, settle] of Object.entries(again)) {
    const { commit, nth, batches, sent } = texts({ groupOf: ([group = '']) => group, maxWaiting: 1 })
    const all = ['a0', 'b0', 'a1', 'a2', 'b1', 'b2'].map(commit)
    nth(0).answer()
    nth(1).answer()
    await settled()
    for (const n of [2, 3]) settle(nth(n))
    await settled()
    t.same(batches().slice(4), ['a1', 'b1'], `${how}: each group has as many at once`)
    nth(5).answer()
    await settled()
    t.equal(batches().at(-1), 'b2', `${how}: one goes on while the other stands`)
    for (let n = 4; n < sent.length; n += 1) {
      nth(n).answer()
      await settled()
    }
    t.equal((await Promise.all(all)).length, 6, `${how}: all are answered`)
  }
})

/** A store on a database of its own that counts its statements, and the superuser's eyes beside it. */
const start = async (t: Test) => {
  const { url, superuserUrl } = await testDatabase(t)
  const db = connect({ url, max: 3, prepare: 'auto' })
  t.teardown(() => db.close())
  const root = postgres(superuserUrl, { max: 2, onnotice: () => {} })
  t.teardown(() => root.end({ timeout: 0 }))
  let statements = 0
  const store = createTurnStore({
    ...db,
    statement: (...args) => {
      statements += 1
      return db.statement(...args)
    },
  })
  return { db, root, store, statements: () => statements }
}

const outcomesOf = (answers: Answer[]) => [...new Set(answers.map(({ outcome }) => outcome))]

const users = Array.from({ length: 100 }, (_, n) => `user-${n}`)

t.test('turns that begin, and end, at once take a statement for 32 of them', async (t) => {
  const { root, store, statements } = await start(t)
  const turns = users.map((userId) => newTurn({ userId, message: `of ${userId}` }))
  const begun = await Promise.all(turns.map(store.beginTurn))
  t.equal(statements(), 5, 'the first alone, and four batches')
  for (const [n, answer] of begun.entries()) {
    const turn_id = turns[n]?.turnId
    t.match(answer, { outcome: 'begun', turn_id, attempt: 1, history: [] }, `${users[n]} begins a turn`)
  }
  const ended = await Promise.all(turns.map((turn) => store.endTurn(endOf(turn))))
  t.equal(statements(), 10, 'their ends take as many')
  t.same(outcomesOf(ended), ['stored'], 'every end is stored')

  const rows = await root`
    select m.user_id, m.conversation_id, m.content, t.status, u.turns::int
    from colloquy.messages m
    join colloquy.turns t on t.user_id = m.user_id and t.id = m.turn_id
    join colloquy.usage u on u.user_id = m.user_id
    where m.role = 'user'`
  t.same(
    new Map(rows.map(({ user_id, ...row }) => [user_id, row])),
    new Map(
      turns.map(({ userId, conversationId, message }) => [
        userId,
        { conversation_id: conversationId, content: message, status: 'completed', turns: 1 },
      ]),
    ),
    'each under its own user',
  )
})

t.test('in a batch, too, nobody reaches what is another’s', async (t) => {
  const { db, root, store } = await start(t)
  const alices = newTurn({ message: 'only for alice' })
  await begin(db, alices)
  const asBob = { userId: 'bob', historyMessages: 40 }
  const all = [
    newTurn({ userId: 'aaron' }),
    newTurn({ ...asBob, conversationId: alices.conversationId, isNewConversation: false }),
    newTurn({ conversationId: alices.conversationId, isNewConversation: false }),
    newTurn({ userId: 'carol' }),
  ]
  const outcomes = (await Promise.all(all.map(store.beginTurn))).map(({ outcome }) => outcome)
  t.same(outcomes, ['begun', 'not-found', 'busy', 'begun'], 'bob does not find the conversation of alice')
  const carols = all[3] as typeof alices
  const ends = [
    endOf(all[0] as typeof alices),
    endOf({ ...alices, ...asBob }, { status: 'failed' }),
    endOf(carols),
    endOf(alices),
  ]
  t.same(
    (await Promise.all(ends.map(store.endTurn))).map(({ outcome }) => outcome),
    ['stored', 'not-found', 'stored', 'stored'],
    'bob does not find the turn of alice, who ends it',
  )
  const left = await root`select from colloquy.turns where user_id = 'bob' or status <> 'completed'`
  t.equal(left.length, 0, 'bob has no turn, and no turn is left open')
  t.equal((await root`select from colloquy.usage where user_id = 'bob'`).length, 0, 'nor pays for it')
})

t.test('an entry that PostgreSQL refuses fails alone', async (t) => {
  const { store } = await start(t)
  const turns = [0, 1, 2, 3].map((n) => newTurn(n === 2 ? { turnId: 'no id' } : {}))
  const begun = await Promise.allSettled(turns.map(store.beginTurn))
  t.match(
    begun,
    [
      { value: { outcome: 'begun' } },
      { value: { outcome: 'begun' } },
      { reason: { code: '22P02' } },
      { value: { outcome: 'begun' } },
    ],
    'the other entries of the batch begin',
  )
})

/** Locks a row of alice in a transaction of another session; gives the function that lets go of it. */
const hold = async (root: postgres.Sql, table: string, id: string): Promise<() => Promise<void>> => {
  const session = await root.reserve()
  await session`begin`
  await session`select from ${root(`colloquy.${table}`)} where user_id = 'alice' and id = ${id} for update`
  return async () => {
    await session`rollback`
    session.release()
  }
}

t.test('a conversation that another transaction holds does not keep the others of its batch', async (t) => {
  const { db, root, store } = await start(t)
  const held = newTurn()
  await begin(db, held)
  await store.endTurn(endOf(held))
  const release = await hold(root, 'conversations', held.conversationId)
  const turns = users.slice(0, 10).map((userId) => newTurn({ userId }))
  const first = store.beginTurn(newTurn({ userId: 'zoe' }))
  const next = newTurn({ conversationId: held.conversationId, isNewConversation: false })
  let isSettled = false
  const waiting = store.beginTurn(next).finally(() => {
    isSettled = true
  })
  const others = await Promise.all([first, ...turns.map(store.beginTurn)])
  t.same(outcomesOf(others), ['begun'], 'the others begin')
  t.notOk(isSettled, 'while it waits')
  await release()
  t.match(await waiting, { outcome: 'begun', turn_id: next.turnId }, 'it begins when the lock is released')
})

t.test('a turn that another transaction holds does not keep the others of its batch', async (t) => {
  const { root, store } = await start(t)
  const turns = ['alice', ...users.slice(0, 10)].map((userId) => newTurn({ userId }))
  await Promise.all(turns.map(store.beginTurn))
  const [held, ...free] = turns as [ReturnType<typeof newTurn>, ...ReturnType<typeof newTurn>[]]
  const release = await hold(root, 'turns', held.turnId)
  const first = store.endTurn(endOf(free[0] as typeof held))
  let isSettled = false
  const waiting = store.endTurn(endOf(held)).finally(() => {
    isSettled = true
  })
  const others = await Promise.all([first, ...free.slice(1).map((turn) => store.endTurn(endOf(turn)))])
  t.same(outcomesOf(others), ['stored'], 'the others end')
  t.notOk(isSettled, 'while it waits')
  await release()
  t.same({ ...(await waiting) }.outcome, 'stored', 'it ends when the lock is released')
})
