import postgres from 'postgres'
import t, { type Test } from 'tap'
import {
  type Answer,
  limitRules,
  type TestApp,
  type TestAppOptions,
  testApp,
  tokenOf,
} from '../helpers/app.js'
import { stopClock } from '../helpers/clock.js'
import { testDatabase } from '../helpers/database.js'
import { type GatedModel, gatedModel, until } from '../helpers/models.js'
import { claims, hs256 } from '../helpers/tokens.js'
import { begin, newTurn } from '../helpers/turns.js'

const noon = Date.UTC(2026, 10, 27, 12)

/** A database, and instances on it whose models wait for the gate; `owner` sees all rows. */
const instances = async (t: Test, count: number, options: TestAppOptions) => {
  const { url, superuserUrl } = await testDatabase(t)
  const owner = postgres(superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => owner.end())
  const gates: GatedModel[] = []
  const apps: TestApp[] = []
  for (let n = 0; n < count; n += 1) {
    const gated = gatedModel()
    gates.push(gated)
    apps.push(await testApp(t, { databaseUrl: url, model: gated.model, ...options }))
  }
  // Before the apps close, which waits for their turns.
  t.teardown(() => gates.map(({ open }) => open()))
  return { apps: apps as [TestApp, ...TestApp[]], gates, owner, url }
}

const send = (
  { call }: TestApp,
  body: object = {},
  { user = 'alice', ...headers }: Record<string, string> = {},
) => call('POST', `/api/${user}/chat`, { user, body: { message: 'hi', ...body }, headers })

/** What is promised of every 429. */
const limited = (t: Test, { status, body, headers }: Answer, limit: string, policy: string): void => {
  t.equal(status, 429, `${limit}: 429`)
  t.match(body, { code: 'rate-limited', limit }, `${limit}: the problem names it`)
  t.match(
    headers.get('ratelimit'),
    new RegExp(`^"${limit}";r=0(;t=\\d+)?$`),
    `${limit}: RateLimit says nothing is left`,
  )
  t.ok(
    headers.get('ratelimit-policy')?.split(', ').includes(`"${limit}";${policy}`),
    `${limit}: RateLimit-Policy has it`,
  )
  const [, seconds] = /;t=(\d+)/.exec(headers.get('ratelimit') ?? '') ?? []
  t.equal(headers.get('retry-after'), seconds ?? '1', `${limit}: Retry-After is when it allows more`)
}

t.test('no more turns of a user run than may, however many are sent to however many instances', async (t) => {
  const { apps, gates, owner } = await instances(t, 2, { userLimits: limitRules({ runningTurns: 5 }) })
  const [one] = apps
  const sent = Array.from({ length: 60 }, (_, n) =>
    send(apps[n % 2] as TestApp, {}, { 'idempotency-key': `k${n}` }),
  )
  const answers: Answer[] = []
  for (const answer of sent) void answer.then((it) => answers.push(it))
  await until(() => answers.length === 55)
  for (const answer of answers.slice(0, 3)) limited(t, answer, 'running-turns', 'q=5')
  t.same(new Set(answers.map(({ status }) => status)), new Set([429]), 'all others are refused')
  t.equal(
    gates.reduce((sum, { asked }) => sum + asked.length, 0),
    5,
    'no model is asked for them',
  )
  const [keys] = await owner`select count(*)::integer as n from colloquy.idempotency_keys`
  t.equal(keys?.n, 5, 'a refusal stores no key')
  const [conversations] = await owner`select count(*)::integer as n from colloquy.conversations`
  t.equal(conversations?.n, 5, 'and no conversation')
  t.equal((await send(one, { message: '' })).status, 422, 'a request that is wrong is told so')
  const [stored] = await owner`select id, conversation_id from colloquy.turns limit 1`
  const cancelled = await one.call('POST', `/api/alice/turns/${stored?.id}/cancel`)
  t.equal(cancelled.status, 200, 'what runs can be cancelled')
  const next = send(one, { conversation_id: stored?.conversation_id })
  await until(
    () => gates.reduce((sum, { asked }) => sum + asked.length, 0) === 6,
    'a turn that has ended makes room',
  )
  for (const { open } of gates) open()
  t.equal((await next).status, 200, 'the next one is answered')
  t.equal((await Promise.all(sent)).filter(({ status }) => status === 200).length, 5, 'and those that ran')
})

t.test('users do not count for each other, and a retry by key is answered past the limit', async (t) => {
  const { apps, gates } = await instances(t, 1, { userLimits: limitRules({ runningTurns: 1 }) })
  const [app] = apps
  const key = { 'idempotency-key': 'first' }
  const running = send(app, {}, key)
  await until(() => gates[0]?.working() === 1)
  limited(t, await send(app), 'running-turns', 'q=1')
  const others = send(app, {}, { user: 'bob' })
  await until(() => gates[0]?.working() === 2, 'bob’s turn to run')
  const again = send(app, {}, key)
  gates[0]?.open()
  t.same([(await running).status, (await others).status], [200, 200], 'both are answered')
  t.equal(
    (await again).headers.get('idempotency-replayed'),
    'true',
    'the retry is attached to the running turn',
  )
})

t.test('turns per minute and day, and tokens per day, by the database’s clock', async (t) => {
  const rules = limitRules(
    { turnsPerMinute: 2 },
    {
      users: new Map([
        ['bob', { turnsPerMinute: null, turnsPerDay: 2 }],
        ['carol', { turnsPerMinute: null, tokensPerDay: 6 }],
      ]),
    },
  )
  const { apps, gates, owner } = await instances(t, 1, { userLimits: rules })
  const [app] = apps
  gates[0]?.open()
  const setClock = await stopClock(owner)
  const statuses = async (user: string, count: number) => {
    const found: number[] = []
    for (let n = 0; n < count; n += 1) found.push((await send(app, {}, { user })).status)
    return found
  }
  await setClock(new Date(noon))
  t.same(await statuses('alice', 3), [200, 200, 429], 'two in a minute')
  await setClock(new Date(noon + 59_500))
  const last = await send(app)
  limited(t, last, 'turns-per-minute', 'q=2;w=60')
  t.equal(last.headers.get('retry-after'), '1', 'for the rest of the minute')
  await setClock(new Date(noon + 60_000))
  t.same(await statuses('alice', 3), [200, 200, 429], 'two in the next one')

  t.same(await statuses('bob', 3), [200, 200, 429], 'two in a day')
  limited(t, await send(app, {}, { user: 'bob' }), 'turns-per-day', 'q=2;w=86400')
  t.same(await statuses('carol', 3), [200, 200, 429], 'six tokens, of which a turn takes three')
  const spent = await send(app, {}, { user: 'carol' })
  limited(t, spent, 'tokens-per-day', 'q=6;w=86400')
  t.equal(spent.headers.get('retry-after'), String(12 * 3600 - 60), 'until midnight in UTC')
  await setClock(new Date(noon + 12 * 3_600_000))
  t.same(await statuses('bob', 3), [200, 200, 429], 'the next day allows as many')
  t.same(await statuses('carol', 1), [200], 'and as many tokens')
})

t.test('no more messages of a user wait than may, on all instances together', async (t) => {
  const limits = { busyWaitMs: 30_000 }
  const { apps, gates, owner } = await instances(t, 2, {
    limits,
    userLimits: limitRules({ waitingMessages: 4 }),
  })
  const [one, two] = apps as [TestApp, TestApp]
  const first = send(one)
  await until(() => gates[0]?.working() === 1)
  const [{ id: conversation_id } = {}] = await owner`select id from colloquy.conversations`
  const answers: Answer[] = []
  const sent = Array.from({ length: 30 }, (_, n) => send(n % 2 ? one : two, { conversation_id }))
  for (const answer of sent) void answer.then((it) => answers.push(it))
  await until(() => answers.length === 26)
  for (const answer of answers.slice(0, 2)) limited(t, answer, 'waiting-messages', 'q=4')
  t.same(new Set(answers.map(({ status }) => status)), new Set([429]), 'all others are refused')
  const others = send(two, {}, { user: 'bob' })
  for (const { open } of gates) open()
  t.equal((await others).status, 200, 'another user goes on')
  t.equal((await first).status, 200, 'the turn that they waited for')
  t.equal(
    (await Promise.all(sent)).filter(({ status }) => status === 200).length,
    4,
    'who waited is answered',
  )
  const left = await owner`select user_id from colloquy.waiting_messages`
  t.equal(left.length, 0, 'and waits no more')
  t.same((await send(one, { conversation_id })).status, 200, 'so that others may')
})

t.test('the turns of a dead instance give their places back', async (t) => {
  const userLimits = limitRules({ runningTurns: 3 })
  const { apps, gates } = await instances(t, 1, { userLimits })
  const [app] = apps
  gates[0]?.open()
  // An instance that begins them, and never says a word again.
  for (let n = 0; n < 3; n += 1) {
    const { outcome } = await begin(app.db, newTurn({ limits: userLimits.everybody, leaseMs: 1 }))
    t.equal(outcome, 'begun', 'a turn is begun')
  }
  limited(t, await send(app), 'running-turns', 'q=3')
  await until(async () => (await send(app)).status === 200, 'a turn to begin')
})

t.test('a plan is named by a claim of the token, and a user’s own limits win', async (t) => {
  const userLimits = limitRules(
    { runningTurns: 1 },
    {
      plans: new Map([['pro', { runningTurns: 3, turnsPerMinute: 100 }]]),
      users: new Map([['carol', { runningTurns: 2 }]]),
    },
  )
  const { apps, gates } = await instances(t, 1, { userLimits, planClaim: 'plan' })
  const [app] = apps
  const mayRun = async (user: string, plan?: unknown): Promise<number> => {
    const before = gates[0]?.asked.length ?? 0
    const token = plan === undefined ? tokenOf(user) : hs256(claims({ sub: user, plan }))
    let isRefused = false
    const answers = Array.from({ length: 5 }, () => send(app, {}, { user, authorization: `Bearer ${token}` }))
    for (const answer of answers)
      void answer.then(({ status }) => {
        isRefused ||= status === 429
      })
    await until(() => isRefused)
    await until(() => gates[0]?.working() === gates[0]?.asked.length)
    return (gates[0]?.asked.length ?? 0) - before
  }
  t.equal(await mayRun('alice'), 1, 'without a plan')
  t.equal(await mayRun('bob', 'pro'), 3, 'by the plan')
  t.equal(await mayRun('carol', 'pro'), 2, 'by the user')
  t.equal(await mayRun('dora', 'gold'), 1, 'an unknown plan is none')
  t.equal(await mayRun('erin', ['pro']), 1, 'nor is what is no text')
})
