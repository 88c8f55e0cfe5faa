import t from 'tap'
import type { Database } from '../../src/db/database.js'
import { connectionError, DatabaseUnavailable } from '../../src/db/errors.js'
import { createReads } from '../../src/db/reads.js'
import { behind, notStandby, type Replica } from '../../src/db/replica.js'
import { createWalPositions, fromLsn, toLsn } from '../../src/db/wal-positions.js'

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
  positions.ask()(lsn(25))
  t.equal(positions.latest(), at(25), 'what is asked after it does')

  time = 600
  positions.ask()(lsn(40))
  t.equal(positions.oldest(), at(20), 'the oldest of the last second')
  time = 1_100
  t.equal(positions.oldest(), at(40), 'is another one later')
  time = 1_700
  t.equal(positions.oldest(), undefined, 'and none when nothing was asked for so long')
})

/** A primary, a replica that answers as it is told, and what was asked of both. */
const scene = () => {
  let time = 0
  let answer: () => Promise<unknown> = async () => ['replica']
  const asked: string[] = []
  const outcomes: string[] = []
  const log: string[] = []
  const positions = createWalPositions(10_000, () => time)
  const primary = { asUser: async () => ['primary'] } as unknown as Database
  const replica = {
    asUser: (_user, position) => {
      asked.push(position)
      return answer()
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
  const { read, pass, asked } = scene()
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
  t.same(await read(at(200)), ['replica', 'replica', at(200)], 'with a token, whose position remains')
  t.same(await read(at(50)), ['replica', 'replica', at(50)], 'with an old one, too')
  t.same(asked, [at(200), at(100)], 'it has to be where the token is, and no more behind than it may be')
})

t.test('what it does not answer, the primary does', async (t) => {
  const { read, pass, asked, replicaIs, log } = scene()
  pass(0, 100)
  const ofOneRead = [
    [fails(behind), 'behind'],
    [fails('40001'), 'conflict'],
    [fails('57014'), 'slow'],
  ] as const
  for (const [failure, outcome] of ofOneRead) {
    replicaIs(failure)
    t.same(await read(at(200)), ['primary', outcome, at(100)], `${outcome}: the primary`)
  }
  replicaIs(async () => [])
  t.same(
    await read(at(200), 'find'),
    ['primary', 'not_found', at(100)],
    'what it does not have is looked for',
  )
  t.equal(asked.length, 4, 'each time it is asked again')
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
    pass(0, 100)
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
