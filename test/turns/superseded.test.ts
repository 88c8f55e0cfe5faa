import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { DatabaseUnavailable } from '../../src/db/errors.js'
import type { Model } from '../../src/models/model.js'
import { type TestApp, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'
import { errorOf, textOf, turnOf, typesOf } from '../helpers/stream.js'

const leaseMs = 600
const keyedChat = {
  body: { message: 'hi' },
  headers: { 'idempotency-key': 'k' },
}
const keyed = ({ call }: TestApp) => call('POST', '/api/alice/chat', keyedChat)

/** An instance that the database is away from while it is cut off. */
const cuttable = async (t: Test, databaseUrl: string, model: Model) => {
  const real = connect({ url: databaseUrl, max: 3, prepare: 'auto' })
  t.teardown(() => real.close())
  let isCutOff = false
  let lostReads = 0
  const app = await testApp(t, {
    db: {
      ...real,
      statement: (work) =>
        isCutOff ? Promise.reject(new DatabaseUnavailable('cut off')) : real.statement(work),
      asUser: (user, work) => {
        if (lostReads === 0) return real.asUser(user, work)
        lostReads -= 1
        return Promise.reject(new DatabaseUnavailable('cut off'))
      },
    },
    databaseUrl,
    model,
    limits: { leaseMs },
  })
  const cutOff = (isOff: boolean) => {
    isCutOff = isOff
  }
  const loseReads = (count: number) => {
    lostReads = count
  }
  return { app, cutOff, loseReads, lostReads: () => lostReads }
}

/** Two instances, the first of which can be cut off from the database. */
const instances = async (t: Test) => {
  const { url } = await testDatabase(t)
  const models = [gatedModel(), gatedModel('other words: ')] as const
  const { app: one, ...fault } = await cuttable(t, url, models[0].model)
  const two = await testApp(t, { databaseUrl: url, model: models[1].model, limits: { leaseMs } })
  return { url, one, two, models, ...fault }
}

t.test('who waits for a turn whose instance dies is told of its fate or gets another attempt', async (t) => {
  const { one, two, models, cutOff } = await instances(t)
  const first = keyed(one)
  await until(() => models[0].working() === 1)
  const attached = keyed(two)
  cutOff(true)
  models[1].open()
  const { status, body } = await attached
  t.ok(status === 200 || body.code === 'turn-interrupted', `${status} ${body.code}`)
  const again = await keyed(two)
  t.match(again, { status: 200, body: { response: 'other words: hi' } }, 'another attempt answers')
  cutOff(false)
  models[0].open()
  t.same((await first).body, again.body, 'and the first hears the same, once it is back')
})

t.test('an attempt that was fenced off asks for the outcome until it is told', async (t) => {
  const { one, two, models, cutOff, loseReads, lostReads } = await instances(t)
  const first = keyed(one)
  await until(() => models[0].working() === 1)
  cutOff(true)
  models[1].open()
  // The first try sees the lease lapse, and the next takes the turn over.
  await until(async () => (await keyed(two)).status === 200)
  const { body } = await keyed(two)
  loseReads(3)
  cutOff(false)
  models[0].open()
  t.match(await first, { status: 200, body }, 'the outcome, though the database was away for the question')
  t.equal(lostReads(), 0, 'and it was away')
})

t.test('an attempt that was fenced off answers with the outcome of the one that runs', async (t) => {
  const { one, two, models, cutOff } = await instances(t)
  const first = keyed(one)
  await until(() => models[0].working() === 1)
  cutOff(true)
  await sleep(leaseMs)
  const second = keyed(two)
  await until(() => models[1].working() === 1)
  cutOff(false)
  models[0].open()
  await until(() => models[0].working() === 0)
  models[1].open()
  const { status, body } = await second
  t.equal(status, 200, 'the second attempt answers')
  t.match(await first, { status: 200, body }, 'the first client gets its answer')
})

t.test('no reader of an attempt that was fenced off is given another’s words, or a clean end', async (t) => {
  const { url, one, two, models, cutOff } = await instances(t)
  const follower = await cuttable(t, url, gatedModel().model)
  const first = await one.stream('POST', '/api/alice/chat', {
    ...keyedChat,
    headers: { ...keyedChat.headers, accept: 'text/event-stream' },
  })
  const { turn_id } = await turnOf(first)
  const path = `/api/alice/turns/${turn_id}/stream`
  const followed = await follower.app.stream('GET', path)
  for (const stream of [first, followed]) await stream.until(({ event }) => textOf([event]) === 'so far: ')

  cutOff(true)
  follower.cutOff(true)
  models[1].open()
  await until(async () => (await keyed(two)).status === 200)
  models[0].open()
  await until(() => models[0].working() === 0)
  cutOff(false)
  follower.cutOff(false)

  for (const [which, stream, text] of [
    ['first', first, 'so far: hi'],
    ['followed', followed, 'so far: '],
  ] as const) {
    const events = await stream.all()
    t.equal(errorOf(events), 'turn-interrupted', `${which} is told of the interruption`)
    t.notOk(typesOf(events).includes('finish'), `${which} has no clean end`)
    t.equal(textOf(events), text, `${which} has its own words only`)
  }
  for (const [instance, { stream }] of Object.entries({ one, two, follower: follower.app })) {
    const events = await (await stream('GET', path)).all()
    t.equal(textOf(events), 'other words: hi', `${instance}: a later reader is given what is stored`)
    t.same(typesOf(events).slice(-2), ['finish', '[DONE]'], `${instance}: a later reader has a clean end`)
  }
})
