import t from 'tap'
import { createFairQueue } from '../../src/concurrency/fair-queue.js'
import { createPool } from '../../src/db/pool.js'
import { createGroupCommit } from '../../src/turns/store/group-commit.js'
import { until } from '../helpers/wait.js'

const drain = (queue: ReturnType<typeof createFairQueue<string>>): string =>
  Array.from({ length: queue.size }, () => queue.shift()?.item).join(' ')

t.test('owners take turns, and each one’s items keep their order', async (t) => {
  const queue = createFairQueue<string>()
  for (const item of ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'b2']) queue.push(item[0] as string, item)
  t.equal(queue.peek(), 'a1', 'the first is shown')
  t.equal(queue.size, 7, 'and stays')
  t.equal(drain(queue), 'a1 b1 c1 a2 b2 a3 a4', 'one of each owner, then another')
  t.same([queue.size, queue.peek(), queue.shift()], [0, undefined, undefined], 'and then there is none')
})

t.test('items leave by themselves, by owners who are ready, or all at once', async (t) => {
  const queue = createFairQueue<string>()
  for (const item of ['a1', 'a2', 'b1', 'b2']) queue.push(item[0] as string, item)
  queue.remove('a', 'a1')
  queue.remove('a', 'a1')
  queue.remove('x', 'x1')
  t.equal(queue.size, 3, 'one is gone')
  t.same(
    queue.shift((owner) => owner === 'b'),
    { owner: 'b', item: 'b1' },
    'of the owner who is ready',
  )
  t.equal(
    queue.shift(() => false),
    undefined,
    'of nobody',
  )
  t.same([queue.clear().sort(), queue.size], [['a2', 'b2'], 0], 'all of them')
})

interface Statement {
  entries: readonly string[]
  mayWait: boolean
  answer(outcome: string): void
}

/** A group commit whose entries end in their owner, and the statements that it has sent. */
const recorded = () => {
  const sent: Statement[] = []
  const commit = createGroupCommit<string, { outcome: string }>({
    send: (entries, mayWait) =>
      new Promise((resolve) => {
        const answer = (outcome: string) => resolve(entries.map(() => ({ outcome })))
        sent.push({ entries, mayWait, answer })
      }),
    sizeOf: () => 1,
    ownerOf: (entry) => entry.at(-1) as string,
    maxEntries: 4,
    maxWaiting: 3,
    maxWaitingOfOwner: 2,
  })
  const nth = async (n: number): Promise<Statement> => {
    await until(() => sent.length > n)
    return sent[n] as Statement
  }
  return { commit, sent, nth }
}

t.test('a user with many sends holds up nobody in the batches', async (t) => {
  const { commit, nth } = recorded()
  const sends = [...Array.from({ length: 10 }, (_, n) => `${n} of a`), 'x of b', 'y of c'].map(commit)
  ;(await nth(0)).answer('done')
  t.same((await nth(1)).entries, ['1 of a', 'x of b', 'y of c', '2 of a'], 'the others are in the next batch')
  for (let n = 1; n < 4; n += 1) (await nth(n)).answer('done')
  t.equal((await Promise.all(sends)).length, 12, 'and each is answered')
})

t.test('nor in the waits for locks', async (t) => {
  const { commit, sent, nth } = recorded()
  const sends = ['1 of a', '2 of a', '3 of a', '4 of a', '5 of b'].map(commit)
  ;(await nth(0)).answer('done')
  ;(await nth(1)).answer('locked')
  await until(() => sent.length === 5)
  const alone = sent.slice(2)
  t.same(
    alone.map(({ entries }) => entries[0]).sort(),
    ['2 of a', '3 of a', '5 of b'],
    'another owner has a place',
  )
  alone[0]?.answer('locked')
  const again = await nth(5)
  t.same(again.entries, ['4 of a'], 'what is locked again goes last')
  again.answer('done')
  t.same((await nth(6)).entries, alone[0]?.entries, 'and is sent again')
  for (const { answer } of [...alone, ...sent.slice(6)]) answer('done')
  t.equal((await Promise.all(sends)).length, 5, 'and each is answered')
})

t.test('a user with many reads holds up nobody in the pool', async (t) => {
  const connection = { isAlive: () => true, end: async () => {}, destroy: () => {} }
  const pool = createPool({
    open: async () => connection as never,
    max: 1,
    acquireTimeoutMs: 10_000,
    maxWaiting: 100,
  })
  const held = await pool.acquire('others', 'a')
  const served: string[] = []
  const work = async (owner: string) => {
    const lent = await pool.acquire('others', owner)
    served.push(owner)
    pool.release(lent)
  }
  const waiting = ['a', 'a', 'a', 'a', 'b', 'c'].map(work)
  pool.release(held)
  await Promise.all(waiting)
  t.equal(served.join(' '), 'a b c a a a', 'one of each user, then another')
})
