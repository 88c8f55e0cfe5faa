import postgres from 'postgres'
import t from 'tap'
import type { Model } from '../../src/models/model.js'
import { emptyAnswer } from '../../src/turns/events.js'
import { setTitle } from '../../src/turns/store/set-title.js'
import { type Json, type TestApp, type TestAppOptions, testApp } from '../helpers/app.js'
import { stopClock } from '../helpers/clock.js'
import { until } from '../helpers/wait.js'

type Test = Parameters<typeof testApp>[0]

const path = '/api/alice/usage'
const tokens = {
  input_tokens: 100,
  output_tokens: 20,
  cached_input_tokens: 30,
  reasoning_tokens: 0,
  total_tokens: 120,
}
const none = {
  input_tokens: 0,
  output_tokens: 0,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
}

/** Answers, and says what it took. */
const counting = (name: string): Model => ({
  name,
  async *run({ message }) {
    yield { type: 'text-delta', delta: 'hi' }
    if (message === 'fail') throw new Error('as asked')
    yield { type: 'finish', usage: tokens }
  },
})

const start = async (t: Test, options: TestAppOptions = {}) => {
  const app = await testApp(t, { model: counting('a/x'), otherModels: [counting('b/y')], ...options })
  const root = postgres(app.superuserUrl, { max: 1, connection: { TimeZone: 'Pacific/Auckland' } })
  t.teardown(() => root.end())
  const setClock = await stopClock(root)
  return {
    ...app,
    root,
    setClock: (time: string) => setClock(new Date(time)),
    usage: async (query = '') => (await app.call('GET', path + query)).body.data,
  }
}

const ask = async ({ call }: TestApp, body: object, headers: Record<string, string> = {}): Promise<Json> =>
  (await call('POST', '/api/alice/chat', { body, headers })).body

t.test('usage is summed by day in UTC and model, the newest day first, then by model', async (t) => {
  const app = await start(t)
  t.same(await app.usage(), [], 'a user without turns has no usage')
  await app.setClock('2026-11-20T23:59:59.999Z')
  const { conversation_id } = await ask(app, { message: 'hi', model: 'b/y' })
  await ask(app, { message: 'hi', conversation_id })
  const untitled = { userId: 'alice', conversationId: conversation_id, title: null, model: 'c/z' }
  await setTitle(app.db, { ...untitled, usage: { ...emptyAnswer().usage, cost: null } })
  await app.setClock('2026-11-21T00:00:00.000Z')
  await ask(app, { message: 'hi' })
  await ask(app, { message: 'hi' })
  const twice = {
    input_tokens: 200,
    output_tokens: 40,
    cached_input_tokens: 60,
    reasoning_tokens: 0,
    total_tokens: 240,
  }
  const all = [
    { day: '2026-11-21', model: 'a/x', turns: 2, ...twice, cost: null },
    { day: '2026-11-20', model: 'a/x', turns: 1, ...tokens, cost: null },
    { day: '2026-11-20', model: 'b/y', turns: 1, ...tokens, cost: null },
    { day: '2026-11-20', model: 'c/z', turns: 0, ...none, cost: null },
  ]
  t.same(
    await app.usage(),
    all,
    'each day and model is one row; a title without tokens is a row without turns',
  )
  await app.call('DELETE', `/api/alice/conversations/${conversation_id}`)
  t.same(await app.usage(), all, 'it outlives the conversation')
  t.same(
    (await app.call('GET', '/api/bob/usage', { user: 'bob' })).body,
    { data: [], total: { turns: 0, ...none, cost: null }, currency: null, next_cursor: null },
    "another user's usage is not shown",
  )

  const ranges: [query: string, expected: Json[]][] = [
    ['?first_day=2026-11-21', all.slice(0, 1)],
    ['?last_day=2026-11-20', all.slice(1)],
    ['?first_day=2026-11-20&last_day=2026-11-21', all],
    ['?first_day=2026-11-20&last_day=2026-11-20', all.slice(1)],
    ['?first_day=2026-11-22', []],
    ['?first_day=1000-01-01&last_day=2999-12-31', all],
  ]
  for (const [query, expected] of ranges)
    t.same(await app.usage(query), expected, `${query} selects whole days, both included`)
  for (const limit of [1, 2, 3, 4]) {
    const seen: Json[] = []
    for (let query = `?limit=${limit}&first_day=2026-11-01`; ; ) {
      const { body } = await app.call('GET', path + query)
      seen.push(...body.data)
      if (body.next_cursor === null) break
      query = `?limit=${limit}&first_day=2026-11-01&cursor=${body.next_cursor}`
    }
    t.same(seen, all, `by ${limit}`)
  }
  const { next_cursor } = (await app.call('GET', `${path}?limit=1`)).body
  const other = await app.call('GET', `${path}?limit=1&first_day=2026-11-01&cursor=${next_cursor}`)
  t.match(other, { status: 422, body: { errors: [{ path: '/query/cursor' }] } }, 'a cursor of other days')
})

t.test('a turn keeps its cached tokens, and counts once, with the tokens of every attempt', async (t) => {
  let isWell = false
  const model: Model = {
    name: 'a/x',
    run: (request) => counting('').run(isWell ? request : { ...request, message: 'fail' }),
  }
  const app = await start(t, { model })
  await app.setClock('2026-11-20T12:00:00.000Z')
  const retry = () => ask(app, { message: 'hi' }, { 'idempotency-key': 'k' })
  t.equal((await retry()).code, 'model-failed', 'the first attempt fails')
  t.same(
    await app.usage(),
    [{ day: '2026-11-20', model: 'a/x', turns: 1, ...none, cost: null }],
    'a failed turn is counted, without tokens',
  )
  isWell = true
  await app.setClock('2026-11-21T12:00:00.000Z')
  const { turn_id, usage } = await retry()
  t.same(usage, { ...tokens, cost: null }, 'the answer reports its tokens')
  t.same(
    (await app.call('GET', `/api/alice/turns/${turn_id}`)).body.usage,
    { ...tokens, cost: null },
    'so does its turn',
  )
  t.same((await retry()).usage, { ...tokens, cost: null }, 'a replayed answer has them, too')
  t.same(
    await app.usage(),
    [
      { day: '2026-11-21', model: 'a/x', turns: 0, ...tokens, cost: null },
      { day: '2026-11-20', model: 'a/x', turns: 1, ...none, cost: null },
    ],
    'the tokens are counted on the day of their attempt, the turn on the day it began',
  )
})

t.test('sums may be larger than any count of a turn', async (t) => {
  const app = await start(t)
  const most = Number.MAX_SAFE_INTEGER
  await app.root`
    insert into colloquy.usage values ('alice', '2026-11-20', ${'"'.repeat(200)}, 1, ${most}, 2, 3, ${most}),
      ('alice', '2026-11-20', 'z', 1, 1, 2, 3, 4)`
  const { body } = await app.call('GET', `${path}?limit=1`)
  t.match(
    body.data,
    [{ input_tokens: most, total_tokens: most }],
    'the largest safe integer is shown exactly',
  )
  const next = await app.call('GET', `${path}?limit=1&cursor=${body.next_cursor}`)
  t.match(next.body.data, [{ model: 'z' }], 'the longest name of a model has a cursor')
})

t.test(
  'many turns of one user that end at once are all counted, and none waits for another in a ring',
  async (t) => {
    const turns = 200
    let waiting: (() => void)[] = []
    const model: Model = {
      name: 'a/x',
      async *run() {
        await new Promise<void>((resolve) => waiting.push(resolve))
        yield { type: 'text-delta', delta: 'hi' }
        yield { type: 'finish', usage: tokens }
      },
    }
    const one = await start(t, { model })
    const two = await testApp(t, { model, databaseUrl: one.databaseUrl })
    await one.setClock('2026-11-20T12:00:00.000Z')
    const sent = Array.from({ length: turns }, (_, i) => (i % 2 ? one : two).chat(`message ${i}`))
    await until(() => waiting.length === turns)
    const ends = waiting
    waiting = []
    for (const end of ends) end()
    const answers = await Promise.all(sent)
    t.same(new Set(answers.map(({ status }) => status)), new Set(['completed']), 'every turn is answered')
    t.same(
      await one.usage(),
      [
        {
          day: '2026-11-20',
          model: 'a/x',
          turns,
          input_tokens: 100 * turns,
          output_tokens: 20 * turns,
          cached_input_tokens: 30 * turns,
          reasoning_tokens: 0,
          total_tokens: 120 * turns,
          cost: null,
        },
      ],
      'every turn is counted, and all its tokens',
    )
  },
)
