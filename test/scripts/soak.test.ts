import postgres from 'postgres'
import t, { type Test } from 'tap'
import { reportText } from '../../scripts/bench/print.js'
import { startServer } from '../../scripts/bench/server.js'
import { secret } from '../../scripts/bench/user.js'
import { linearFit } from '../../scripts/soak/linear-fit.js'
import { memoryReport } from '../../scripts/soak/memory.js'
import { soak } from '../../scripts/soak/soak.js'
import { judgeStored } from '../../scripts/soak/stored.js'
import { createTalks, type Talk, type Talks } from '../../scripts/soak/talks.js'
import { testApp } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { isDistributed, testDatabase } from '../helpers/database.js'
import { builtProgram, nodeArgs } from '../helpers/program.js'

t.test('a line is fitted with its error', async (t) => {
  const xs = [0, 1, 2, 3, 4, 5]
  const straight = linearFit(xs.map((x) => ({ x, y: 7 + 3 * x })))
  t.ok(Math.abs(straight.slope - 3) < 1e-9 && straight.error < 1e-9, 'a line is itself, without an error')
  // Worked out by hand: the rest of each point is 1 or -1, and is at a right angle to the line.
  const rest = [1, -1, 0, 0, -1, 1]
  const rough = linearFit(xs.map((x, n) => ({ x, y: 7 + 3 * x + (rest[n] ?? 0) })))
  t.ok(Math.abs(rough.slope - 3) < 1e-9, `${rough.slope} is the slope of what lies about the line`)
  t.ok(Math.abs(rough.error - Math.sqrt(4 / 4 / 17.5)) < 1e-9, `${rough.error} is its error`)
  t.ok(Number.isNaN(linearFit([{ x: 0, y: 0 }]).slope), 'a point is no line')
})

t.test('memory that grows is told from memory that is flat', async (t) => {
  const samples = (kiBAnHour: number) =>
    Array.from({ length: 720 }, (_, n) => {
      const used = 50e6 + 3e6 * Math.sin(n) + (1024 * kiBAnHour * n) / 720
      return { at: n * 5_000, heapUsed: used, external: 4e6, rss: 150e6 }
    })
  const isFlat = (kiBAnHour: number) => memoryReport(samples(kiBAnHour)).targets.map(({ isMet }) => isMet)
  t.same(isFlat(0), [true, true], 'what only goes up and down is flat')
  t.same(isFlat(4_000), [false, true], 'four megabytes an hour are not')
  t.same(memoryReport(samples(0).slice(0, 9)).targets, [], 'nothing is said of some seconds')
})

const openTalks = async (t: Test) => {
  const app = await testApp(t, { auth: { shared: { secret } } })
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const talks = await createTalks({
    urls: () => [app.url],
    users: 3,
    models: ['echo'],
    lostMs: 10_000,
    expiring: 0,
  })
  const said = async (turns: number): Promise<Talk> => {
    const talk = talks.open()
    for (let n = 0; n < turns; n += 1) await talks.say(talk)
    return talk
  }
  return { sql, talks, said }
}

const violationsOf = async (talks: Talks, work: () => Promise<unknown>): Promise<string[]> => {
  await work()
  return talks.violations.splice(0)
}

t.test('what is lost, done twice, or still there is seen', { skip: isDistributed }, async (t) => {
  const { sql, talks, said } = await openTalks(t)
  const talk = await said(4)
  t.same(await violationsOf(talks, () => talks.check(talk)), [], 'all is well at first')
  const book = { live: 1, liveTurns: 4, turns: 4, deleted: 0, expired: 0 }
  t.same(await judgeStored(sql, book, 0), [], 'in the database, too')
  t.match(
    await judgeStored(sql, { ...book, liveTurns: 5, turns: 5 }, 0),
    [/^turns has 4/, /^messages has 8/, /^idempotency_keys has 4/, /^4 turns were counted in place of 5/],
    'a turn that is nowhere',
  )
  t.match(
    await judgeStored(sql, { ...book, liveTurns: 3, turns: 3 }, 0),
    [/^turns has 4/, /^messages has 8/, /^idempotency_keys has 4/, /^4 turns were counted in place of 3/],
    'one too many',
  )
  t.match(await judgeStored(sql, { ...book, live: 0 }, 0), [/^conversations has 1/], 'one that is not gone')

  // As if the first of the two had been forgotten.
  await talks.say({ ...talk, number: 99 })
  t.match(await violationsOf(talks, () => talks.check(talk)), [/10 messages in place of 8/], 'done twice')
  const other = await said(2)
  await sql`update colloquy.messages set content = 'Echo: ' where conversation_id = ${other.id ?? ''} and position = 4`
  t.match(
    await violationsOf(talks, () => talks.check(other)),
    [/found "4 assistant completed: Echo: "/],
    'another answer',
  )
  await sql`delete from colloquy.messages where conversation_id = ${other.id ?? ''} and position = 4`
  t.match(
    await violationsOf(talks, () => talks.check(other)),
    [/3 messages in place of 4; expected "4 assistant/],
    'a lost answer',
  )
  t.match(
    await violationsOf(talks, () => talks.end({ ...other, user: { ...other.user, id: 'soak-nobody' } })),
    [/was answered with 403/],
    'one that could not be deleted',
  )
})

t.test('a soak of seconds', { skip: isDistributed }, async (t) => {
  const folder = await testFolder(t)
  const stop = new AbortController()
  const ends: (() => Promise<void>)[] = []
  t.teardown(() => Promise.all(ends.map((end) => end())))
  const program = [...nodeArgs(builtProgram(), 'src/main.ts'), 'serve']
  const { report, violations } = await soak({
    bench: {
      folder,
      progress: () => {},
      database: async () => (await testDatabase(t)).superuserUrl,
      async server(options) {
        const server = await startServer(options, { folder, signal: stop.signal })
        ends.push(server.stop)
        return server
      },
    },
    ...{ signal: stop.signal, program, cwd: builtProgram() },
    ...{ seconds: 4, rate: 15, killEveryMs: 1_000, instances: 2 },
    ...{
      measureSeconds: 1,
      measuredAtOnce: 20,
      measuredTurns: 0,
      sampleMs: 200,
      leaseMs: 1_000,
      expiring: 0,
    },
  })
  t.same(violations, [], 'nothing is lost and nothing done twice')
  const text = reportText(report)
  const countOf = (what: string) => Number(new RegExp(`\\| ${what} +\\| +([\\d,]+) \\|`).exec(text)?.[1])
  t.ok(countOf('turns') > 20, `turns:\n${text}`)
  t.ok(countOf('instances killed') > 0, 'kills')
  t.ok(countOf('conversations deleted') > 0, 'conversations that are gone')
  t.notMatch(text, /NaN|undefined/, 'every figure is there')
  const rows = /\| messages +\| ([\d,]+) +\| +([\d,]+) \|/.exec(text)
  t.equal(rows?.[1], rows?.[2], 'as many messages as were predicted')
})
