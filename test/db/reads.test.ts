import t from 'tap'
import type { Database } from '../../src/db/database.js'
import { connectionError, DatabaseUnavailable } from '../../src/db/errors.js'
import { createReads } from '../../src/db/reads.js'
import { behind, notStandby, type Replica } from '../../src/db/replica.js'
import { createWalPositions, fromLsn, toLsn } from '../../src/db/wal-positions.js'
import { openLog } from '../../src/handlers/export-pages.js'

const at = (n: number) => n.toString(16).toUpperCase().padStart(16, '0')
const lsn = (n: number) => toLsn(at(n))

t.test('positions compare as texts', async (t) => {
  t.equal(fromLsn('16/B374D848'), '00000016B374D848', 'each half is filled up')
  t.ok(fromLsn('9/FFFFFFFF') < fromLsn('10/0'), 'the later one is the greater')
  t.match(toLsn(fromLsn('16/B374D848')), '00000016/B374D848', 'PostgreSQL takes it back')
})

t.test('what an instance knows of the log', async (t) => {
  let time = 0
  const positions = createWalPositions(1_000, () => time)
  t.same([positions.latest(), positions.oldest()], [undefined, undefined], 'nothing at first')
  const [first, second] = [positions.ask(), positions.ask()]
  second(lsn(20))
  first(lsn(10))
  t.equal(positions.latest(), at(20), 'an answer that was overtaken takes nothing back')

  const [lost, early] = [positions.ask(), positions.ask()]
  lost(undefined)
  t.equal(positions.latest(), undefined, 'what was lost may have been later than all that is known')
  early(lsn(30))
  t.equal(positions.latest(), undefined, 'what was asked before the loss does not cover it')
  const write = positions.ask()
  positions.ask()(undefined)
  const tick = positions.ask()
  write(lsn(64))
  t.equal(positions.latest(), undefined, 'a write from before the loss, too')
  tick(lsn(25))
  t.equal(positions.latest(), at(64), 'what is asked after it does, and is never before that write')

  time = 600
  t.same(positions.oldest(), { position: at(20), isOld: false }, 'the oldest of the last second')
  positions.ask()(lsn(40))
  time = 900
  t.same(positions.oldest(), { position: at(20), isOld: true }, 'gets old')
  time = 1_100
  t.same(positions.oldest(), { position: at(40), isOld: false }, 'is another one later')
  time = 1_700
  t.equal(positions.oldest(), undefined, 'and none when nothing was asked for so long')
})

t.test('an instance without reads that have a token forgets old positions, too', async (t) => {
  let time = 0
  const positions = createWalPositions(1_000, () => time)
  for (; time < 100_000; time += 100) positions.ask()(lsn(time))
  // By a clock that is back at the beginning nothing is too old.
  time = 0
  t.equal(positions.oldest()?.position, at(98_900), 'only those of the last second are there')
})

/** A primary, a replica that answers as it is told, and what was asked of both. */
const scene = () => {
  let time = 0
  let answer: () => Promise<unknown> = async () => ['replica']
  let replayed = 0
  const asked: string[] = []
  const outcomes: string[] = []
  const log: string[] = []
  const positions = createWalPositions(10_000, () => time)
  const primary = { asUser: async () => ['primary'] } as unknown as Database
  const replica = {
    asUser: async <T>(_user: string, position: string) => {
      asked.push(position)
      return { result: (await answer()) as T, position: at(replayed) }
    },
    async close() {},
  } as Replica
  const readsAfter = createReads({
    primary,
    replica,
    positions,
    log: { warn: (_, text) => log.push(text), info: (_, text) => log.push(text) },
    onRead: (outcome) => outcomes.push(outcome),
    pauseMs: 5_000,
    now: () => time,
  })
  const work = async () => []
  return {
    asked,
    outcomes,
    log,
    positions,
    /** Lets the time pass, and the primary's log go on up to there. */
    pass(ms: number, to: number) {
      time += ms
      positions.ask()(lsn(to))
    },
    replicaIs(next: () => Promise<unknown>) {
      answer = next
    },
    /** Lets the replica replay the log up to there. */
    replay(to: number) {
      replayed = to
    },
    readsAfter,
    read: async (token: string | undefined, form: 'asUser' | 'find' = 'asUser') => {
      const reads = readsAfter(token)
      const [source] = await reads[form]<unknown[]>('alice', work)
      return [source, outcomes.at(-1), reads.position()]
    },
  }
}
const fails = (code: string) => async () => {
  throw Object.assign(new Error(code), { code })
}
const unavailable = (code: string) => async () => {
  throw new DatabaseUnavailable(connectionError(code, 'away'))
}

t.test('which reads a replica is asked for', async (t) => {
  const { read, pass, asked, replay, readsAfter } = scene()
  t.same(await read(at(5)), ['primary', 'unobserved', undefined], 'none while the log is unknown')
  pass(0, 100)
  t.same(await read(undefined), ['primary', 'no_token', at(100)], 'none without a token')
  for (const nonsense of [
    '',
    'x',
    at(5).slice(1),
    at(5).toLowerCase().replace('5', 'f'),
    `${at(5)}, ${at(6)}`,
  ])
    t.same(await read(nonsense), ['primary', 'no_token', at(100)], `nor with ${nonsense || 'an empty one'}`)
  t.same(asked, [], 'it was not asked')
  replay(210)
  t.same(await read(at(200)), ['replica', 'replica', at(210)], 'with a token, and the answer has a later one')
  t.same(await read(at(50)), ['replica', 'replica', at(210)], 'with an old one, too')
  t.same(asked, [at(200), at(100)], 'it has to be where the token is, and no more behind than it may be')
  const reads = readsAfter(at(150))
  await reads.asUser('alice', async () => [])
  replay(205)
  await reads.asUser('alice', async () => [])
  t.equal(reads.position(), at(210), 'of two standbys the later one counts')
})

t.test('each page of an export has what those before it have', async (t) => {
  const { readsAfter, pass, asked, replicaIs } = scene()
  pass(0, 100)
  const log = await openLog(readsAfter, 'alice', '2026-11-27T12:00:00.000Z')
  replicaIs(fails(behind))
  pass(0, 300)
  await log.read(async () => [])
  replicaIs(async () => ['replica'])
  await log.read(async () => [])
  t.same(asked, [at(100), at(300)], 'the primary has shown more than the replica had')
})

t.test('what it does not answer, the primary does', async (t) => {
  const { read, pass, asked, replicaIs, log } = scene()
  pass(0, 100)
  const ofOneRead = [
    [200, fails(behind), 'behind'],
    [50, fails(behind), 'behind'],
    [200, fails('40001'), 'conflict'],
    [200, fails('57014'), 'slow'],
    [200, fails('22003'), 'error'],
    [200, () => Promise.reject(new Error('of the work')), 'error'],
  ] as const
  for (const [token, failure, outcome] of ofOneRead) {
    replicaIs(failure)
    t.same(await read(at(token)), ['primary', outcome, at(100)], `${outcome}: the primary`)
  }
  replicaIs(async () => [])
  t.same(
    await read(at(200), 'find'),
    ['primary', 'not_found', at(100)],
    'what it does not have is looked for',
  )
  t.equal(asked.length, ofOneRead.length + 1, 'each time it is asked again')
  t.same(log, [], 'and nothing is logged')
})

t.test('a replica that fails is left alone for a while', async (t) => {
  const failures = [
    [fails(behind), 'lagging'],
    [fails(notStandby), 'not_standby'],
    [unavailable('FOREIGN'), 'not_standby'],
    [unavailable('SILENT'), 'unavailable'],
    [fails('42883'), 'unavailable'],
  ] as const
  for (const [failure, outcome] of failures) {
    const { read, pass, asked, outcomes, replicaIs, log } = scene()
    for (const ms of [0, 4_000, 4_000]) pass(ms, 100)
    replicaIs(failure)
    t.same(await read(at(50)), ['primary', outcome, at(100)], `${outcome}: the primary`)
    t.same(await read(at(50)), ['primary', 'paused', at(100)], `${outcome}: it is not asked again`)
    pass(5_001, 100)
    outcomes.length = 0
    await Promise.all([read(at(50)), read(at(50))])
    t.same(outcomes.sort(), [outcome, 'paused'].sort(), `${outcome}: later one read tries it`)
    t.equal(asked.length, 2, `${outcome}: one for each while`)
    t.equal(log.length, 1, `${outcome}: that is logged once`)
    replicaIs(async () => ['replica'])
    pass(5_001, 100)
    t.same((await read(at(50)))[0], 'replica', `${outcome}: it is back`)
    t.same((await read(at(50)))[0], 'replica', `${outcome}: for all`)
    t.match(log, ['the read replica fails', 'the read replica answers again'], `${outcome}: the log says so`)
  }
})

t.test('a replica that is slow again and again is left alone, too', async (t) => {
  const { read, pass, replicaIs, log } = scene()
  pass(0, 100)
  const outcomes: unknown[] = []
  for (const isSlow of [true, true, false, true, true, true, true]) {
    replicaIs(isSlow ? fails('57014') : async () => ['replica'])
    outcomes.push((await read(at(200)))[1])
  }
  t.same(outcomes, ['slow', 'slow', 'replica', 'slow', 'slow', 'slow', 'paused'], 'not until three in a row')
  t.equal(log.length, 1, 'that is logged')
  pass(5_001, 100)
  t.equal((await read(at(200)))[1], 'slow', 'later one read tries it')
  t.equal((await read(at(200)))[1], 'paused', 'and one is enough')
})
