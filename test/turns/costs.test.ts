import t from 'tap'
import type { Model, ModelUsage } from '../../src/models/model.js'
import { createPrices } from '../../src/models/prices.js'
import { type Json, testApp } from '../helpers/app.js'
import { until } from '../helpers/wait.js'

const tokens: ModelUsage = {
  input_tokens: 100,
  output_tokens: 20,
  cached_input_tokens: 30,
  reasoning_tokens: 5,
  total_tokens: 120,
}

/** Answers, after a tool call of its own with `steps`; fails when it is asked to. A title is three words. */
const priced = (name: string): Model => ({
  name,
  async *run({ message, system }) {
    yield { type: 'text-delta', delta: system ? 'Of a title' : 'hi' }
    if (message === 'fail') throw new Error('as asked')
    yield { type: 'finish', usage: tokens, cacheWriteTokens: 7 }
  },
})

const entry = { input: '0.000001', cached_input: '0', cache_write: '1', output: '2', reasoning: '3.5' }
/** 63 of the input are new, 7 are written to the cache; 15 of the output are no reasoning. */
const cost = Math.ceil(63 / 1e6 + 7 + 15 * 2 + 5 * 3.5)
const prices = createPrices({ currency: 'EUR', models: { 'a/*': entry } })

t.test('costs', async (t) => {
  const options = { model: priced('a/x'), otherModels: [priced('b/y')], prices }
  const app = await testApp(t, options)
  const { call } = app
  const usage = async (query = '', user = 'alice'): Promise<Json> =>
    (await call('GET', `/api/${user}/usage${query}`, { user })).body
  const first = await app.chat('hello')

  await t.test('an answer has its cost, wherever it is shown', async (t) => {
    t.same(first.usage, { ...tokens, cost }, 'createTurn says it')
    t.same((await call('GET', `/api/alice/turns/${first.turn_id}`)).body.usage, first.usage, 'getTurn')
    const { body } = await call('GET', `/api/alice/conversations/${first.conversation_id}/turns`)
    t.same(body.data[0].usage, first.usage, 'listTurns')
    const headers = { 'idempotency-key': 'k' }
    const send = () => call('POST', '/api/alice/chat', { body: { message: 'again' }, headers })
    const { body: sent } = await send()
    const { body: replayed } = await send()
    t.same(replayed.usage, sent.usage, 'a replayed answer')
    const { data, total, currency } = await usage()
    t.match(data, [{ model: 'a/x', turns: 2, cost: 2 * cost }], 'listUsage sums it up by model')
    t.match(total, { turns: 2, total_tokens: 240, cost: 2 * cost }, 'and in all')
    t.equal(currency, 'EUR', 'it says what it is in')
    const lines = (await call('GET', '/api/alice/export')).text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.equal(lines[0].currency, 'EUR', 'exportUser says what costs are in')
    t.same(
      lines.find(({ turn }) => turn?.id === first.turn_id).turn.usage,
      first.usage,
      'and has them by turn',
    )
    t.equal(lines.find(({ type }) => type === 'usage').usage.cost, 2 * cost, 'and summed up')
    const { body: fork } = await call('POST', `/api/alice/conversations/${first.conversation_id}/fork`, {
      body: { message_id: first.message_id },
    })
    const { body: forked } = await call('GET', `/api/alice/conversations/${fork.id}/turns`)
    t.same(forked.data[0].usage, first.usage, 'a copy of the turn has what it cost')
    t.equal((await usage()).total.cost, 2 * cost, 'and costs nothing itself')
  })

  await t.test('without a price, or without tokens, it is null', async (t) => {
    const { body } = await call('POST', '/api/bob/chat', {
      user: 'bob',
      body: { message: 'hi', model: 'b/y' },
    })
    t.equal(body.usage.cost, null, 'an answer of a model that has no price')
    await call('POST', '/api/bob/chat', { user: 'bob', body: { message: 'fail' } })
    const { data, total } = await usage('', 'bob')
    t.match(
      data,
      [
        { model: 'a/x', turns: 1, cost: null },
        { model: 'b/y', turns: 1, cost: null },
      ],
      'by model',
    )
    t.equal(total.cost, null, 'in all')
    await app.chat('hi', { user: 'bob' })
    const page = await usage('?limit=1', 'bob')
    t.match(page.data, [{ model: 'a/x', turns: 2, cost }], 'what is known is summed up')
    t.match(page.total, { turns: 3, cost }, 'of every page')
  })

  await t.test('other prices change nothing of the past', async (t) => {
    const dearer = createPrices({ currency: 'EUR', models: { 'a/x': { input: '1', output: '2' } } })
    const later = await testApp(t, { ...options, prices: dearer, databaseUrl: app.databaseUrl })
    await later.chat('hi', { user: 'carol' })
    await app.chat('hi', { user: 'carol' })
    t.equal((await usage('', 'carol')).total.cost, 140 + cost, 'each turn costs what it cost when it ended')
    const { body } = await later.call('GET', `/api/alice/turns/${first.turn_id}`)
    t.equal(body.usage.cost, cost, 'a turn keeps its cost')
    const without = await testApp(t, { ...options, prices: undefined, databaseUrl: app.databaseUrl })
    const { body: shown } = await without.call('GET', '/api/alice/usage')
    t.match(shown, { total: { cost: 2 * cost }, currency: null }, 'also when no price is known any more')
  })

  await t.test('each attempt of a turn is rounded and counted', async (t) => {
    let isWell = false
    const model: Model = {
      name: 'a/x',
      async *run(request) {
        const isLast = request.steps?.length === 1
        if (isLast && !isWell) throw new Error('as asked')
        if (isLast) yield { type: 'text-delta', delta: 'done' }
        else yield { type: 'tool-call', id: 'c', name: 'none', arguments: {} }
        yield { type: 'finish', usage: tokens, ...(!isLast && { continuation: {} }) }
      },
    }
    const { call } = await testApp(t, { model, prices, databaseUrl: app.databaseUrl })
    const retry = async () =>
      (
        await call('POST', '/api/dave/chat', {
          user: 'dave',
          body: { message: 'hi' },
          headers: { 'idempotency-key': 'd' },
        })
      ).body
    const step = 70 / 1e6 + 15 * 2 + 5 * 3.5
    const [once, twice] = [Math.ceil(step), Math.ceil(2 * step)]
    const failed = await retry()
    t.equal(failed.code, 'model-failed', 'the first attempt fails after it has cost something')
    const { body: turn } = await call('GET', `/api/dave/turns/${failed.turn_id}`, { user: 'dave' })
    t.equal(turn.usage.cost, once, 'which is stored with it')
    isWell = true
    t.equal((await retry()).usage.cost, twice, 'an answer has the cost of its own attempt, of both steps')
    t.match((await usage('', 'dave')).data, [{ turns: 1, cost: once + twice }], 'the day has that of both')
  })

  await t.test('a title costs, too', async (t) => {
    const titled = await testApp(t, { ...options, titles: 'model', databaseUrl: app.databaseUrl })
    await titled.chat('hi', { user: 'erin' })
    await until(async () => (await usage('', 'erin')).total.total_tokens === 240, 'the title')
    t.match((await usage('', 'erin')).data, [{ turns: 1, cost: 2 * cost }], 'as much as it took')
  })
})
