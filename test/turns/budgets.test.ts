import postgres from 'postgres'
import t, { type Test } from 'tap'
import type { Model } from '../../src/models/model.js'
import { reservationFor } from '../../src/turns/budget.js'
import { type Json, limitRules, type TestApp, testApp } from '../helpers/app.js'
import { stopClock } from '../helpers/clock.js'
import { prices, spender, tokens } from '../helpers/spender.js'
import { begin, newTurn } from '../helpers/turns.js'
import { until } from '../helpers/wait.js'

const most = 100

const start = async (t: Test) => {
  const spending = spender()
  const userLimits = limitRules(
    { budgetPerDay: 300 },
    { users: new Map([['monthly', { budgetPerDay: 200, budgetPerMonth: 250 }]]) },
  )
  const options = { model: spending.model, prices, maxOutputTokens: most, userLimits }
  const app = await testApp(t, options)
  t.teardown(spending.open)
  const owner = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => owner.end())
  const setClock = await stopClock(owner)
  await setClock(new Date('2026-11-27T12:00:00Z'))
  const send = ({ call }: TestApp, message: string, user: string, body = {}, key?: string) =>
    call('POST', `/api/${user}/chat`, {
      user,
      body: { message, ...body },
      headers: { ...(key !== undefined && { 'idempotency-key': key }) },
    })
  const spent = async (user: string): Promise<Json> =>
    (await app.call('GET', `/api/${user}/usage`, { user })).body.total.cost
  return { app, owner, setClock, send, spent, options, ...spending }
}

t.test('budgets', async (t) => {
  const { app, owner, setClock, send, spent, options, requests, open } = await start(t)

  await t.test('what running turns may cost is reserved, and what they cost is settled', async (t) => {
    const running = ['wait 1', 'wait 2', 'wait 3'].map((message) => send(app, message, 'alice'))
    await until(() => requests.length === 3)
    t.equal(requests[0]?.maxOutputTokens, most, 'a model is told how long its answer may be')
    const refused = await send(app, 'no 1', 'alice')
    t.match(
      refused,
      { status: 429, body: { code: 'budget-exceeded', limit: 'budget-per-day' } },
      'a fourth is refused',
    )
    t.equal(refused.headers.get('retry-after'), '1', 'it may begin as soon as one of them ends')
    t.equal(refused.headers.get('ratelimit'), '"budget-per-day";r=0', 'when is not known')
    t.match(
      refused.headers.get('ratelimit-policy'),
      /"budget-per-day";q=300;w=86400/,
      'the policy has the budget',
    )
    t.equal(requests.length, 3, 'no model is asked for it')
    open()
    t.same(
      (await Promise.all(running)).map(({ status }) => status),
      [200, 200, 200],
      'those that ran are answered',
    )
    t.equal(await spent('alice'), 6, 'they cost what they took')
    t.equal(
      (await send(app, 'one 94', 'alice')).body.usage.cost,
      94,
      'what was reserved beyond that is free again',
    )
    t.equal((await send(app, 'one 100', 'alice')).status, 200, 'up to the whole budget')
    t.equal((await send(app, 'one 100', 'alice')).status, 200, 'to the microunit')
    const over = await send(app, 'no 0', 'alice')
    t.match(over, { status: 429, body: { limit: 'budget-per-day' } }, 'and no further')
    t.equal(over.headers.get('retry-after'), String(12 * 3600), 'until midnight in UTC')
    t.equal(await spent('alice'), 300, 'which is what was spent')
    await setClock(new Date('2026-11-28T00:00:00Z'))
    t.equal((await send(app, 'one 1', 'alice')).status, 200, 'the next day has a budget of its own')
    await setClock(new Date('2026-11-27T12:00:00Z'))
  })

  await t.test('a month has a budget, too', async (t) => {
    t.equal((await send(app, 'one 100', 'monthly')).status, 200, 'a first turn')
    await setClock(new Date('2026-11-28T12:00:00Z'))
    t.equal((await send(app, 'one 100', 'monthly')).status, 200, 'one on the next day')
    const over = await send(app, 'no 0', 'monthly')
    t.match(over, { status: 429, body: { limit: 'budget-per-month' } }, 'then less is left than one may cost')
    t.equal(over.headers.get('retry-after'), String(60 * 3600), 'until the next month')
    await setClock(new Date('2026-12-01T00:00:00Z'))
    t.equal((await send(app, 'one 1', 'monthly')).status, 200, 'which begins anew')
    await setClock(new Date('2026-11-27T12:00:00Z'))
  })

  await t.test('what a provider does not report costs as much as it may have', async (t) => {
    t.equal((await send(app, 'refuse', 'bob')).status, 503, 'a request that the provider did not take')
    t.equal(await spent('bob'), 0, 'costs nothing')
    const broken = await send(app, 'break', 'bob', {}, 'b')
    t.equal(broken.status, 502, 'an answer that breaks off')
    t.equal(await spent('bob'), 100, 'costs all that was reserved')
    t.equal((await send(app, 'break', 'bob', {}, 'b')).status, 502, 'another attempt')
    t.equal(await spent('bob'), 200, 'is another cost')
    t.equal((await send(app, 'silent', 'bob')).body.usage.cost, 100, 'an answer without a count of tokens')
    t.equal((await send(app, 'break', 'bob', {}, 'b')).status, 429, 'a retry is refused like any other turn')
  })

  await t.test('more than was reserved is counted in full', async (t) => {
    t.equal(
      (await send(app, 'one 250', 'carol')).body.usage.cost,
      250,
      'a provider that does not keep to the maximum',
    )
    t.equal((await send(app, 'one 1', 'carol')).status, 429, 'the next turn is refused')
    t.equal(await spent('carol'), 250, 'nothing is forgotten')
  })

  await t.test('a turn that is interrupted or deleted costs what it has reserved', async (t) => {
    const turn = () =>
      newTurn({ userId: 'dave', reserved: 100, leaseMs: 1, limits: options.userLimits.everybody })
    const [one, two] = [turn(), turn()]
    for (const each of [one, two]) t.equal((await begin(app.db, each)).outcome, 'begun', 'a turn begins')
    await app.call('DELETE', `/api/dave/conversations/${one.conversationId}`, { user: 'dave' })
    t.equal(await spent('dave'), 100, 'a conversation that is deleted meanwhile frees nothing')
    await setClock(new Date('2026-11-27T13:00:00Z'))
    await owner`select colloquy.interrupt_turn('dave', ${two.turnId}, 'cut off')`
    t.equal(await spent('dave'), 200, 'nor does an instance that dies')
    const { body } = await app.call('GET', `/api/dave/turns/${two.turnId}`, { user: 'dave' })
    t.match(body, { status: 'interrupted', usage: { cost: 100 } }, 'the turn says so')
    const third = turn()
    t.equal((await begin(app.db, third)).outcome, 'begun', 'what is left can be reserved')
    const { call } = app
    t.equal((await send(app, 'no 1', 'dave')).status, 429, 'once')
    await setClock(new Date('2026-11-27T14:00:00Z'))
    t.equal((await send(app, 'no 1', 'dave')).status, 429, 'a lapsed turn keeps what it has reserved')
    await until(
      async () =>
        (await call('GET', `/api/dave/turns/${third.turnId}`, { user: 'dave' })).body.usage.cost === 100,
    )
    t.equal(await spent('dave'), 300, 'a refusal sees to it that such a turn is interrupted')
  })

  await t.test('steps share what the turn has reserved', async (t) => {
    const asked: (number | undefined)[] = []
    const model: Model = {
      name: 'steps',
      callsTools: true,
      async *run({ maxOutputTokens, steps = [] }) {
        asked.push(maxOutputTokens)
        if (steps.length === 3) yield { type: 'text-delta', delta: 'done' }
        else yield { type: 'tool-call', id: 'c', name: 'none', arguments: {} }
        yield { type: 'finish', usage: tokens(40), ...(steps.length < 3 && { continuation: {} }) }
      },
    }
    const rules = limitRules({ budgetPerDay: 1_000 })
    const steps = await testApp(t, { ...options, model, userLimits: rules, databaseUrl: app.databaseUrl })
    const { body } = await send(steps, 'hi', 'erin')
    t.match(body, { code: 'model-tool-limit' }, 'no request is made that might cost more')
    t.same(asked, [100, 60, 20], 'each may take what the ones before have left')
    t.equal(await spent('erin'), 120, 'and what they took is what they cost')
    const { tools: _, ...engine } = {
      ...options,
      tools: {} as never,
      historyMessages: 2,
      historyTokens: 10,
      toolSteps: 3,
    }
    t.equal(reservationFor(engine, model, newTurn({})), 100, 'without tools a turn makes one request')
    t.equal(
      reservationFor({ ...engine, tools: {} as never }, model, newTurn({})),
      300,
      'with tools, each of its steps',
    )
    t.equal(
      reservationFor(engine, { ...model, chain: ['a', 'b'] }, newTurn({})),
      200,
      'of a chain, each model',
    )
  })

  await t.test('without a budget nothing is reserved', async (t) => {
    const plain = await testApp(t, { ...options, userLimits: limitRules({}), databaseUrl: app.databaseUrl })
    await send(plain, 'one 1', 'frank')
    t.equal(requests.at(-1)?.maxOutputTokens, undefined, 'nor is an answer bounded')
  })
})
