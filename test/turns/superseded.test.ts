import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { connect } from '../../src/db/connect.js'
import { DatabaseUnavailable } from '../../src/db/unavailable.js'
import { type TestApp, testApp } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'

const leaseMs = 600
const keyed = ({ call }: TestApp) =>
  call('POST', '/api/alice/chat', { body: { message: 'hi' }, headers: { 'idempotency-key': 'k' } })

/** Two instances; the database is away for the first one while it is cut off. */
const instances = async (t: Test) => {
  const { url } = await testDatabase(t)
  const real = connect({ url, max: 3, prepare: 'auto' })
  t.teardown(() => real.close())
  let isCutOff = false
  const models = [gatedModel(), gatedModel()] as const
  const one = await testApp(t, {
    db: {
      ...real,
      statement: (work) =>
        isCutOff ? Promise.reject(new DatabaseUnavailable('cut off')) : real.statement(work),
    },
    databaseUrl: url,
    model: models[0].model,
    limits: { leaseMs },
  })
  const two = await testApp(t, { databaseUrl: url, model: models[1].model, limits: { leaseMs } })
  const cutOff = (isOff: boolean) => {
    isCutOff = isOff
  }
  return { one, two, models, cutOff }
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
  t.match(again, { status: 200, body: { response: 'so far: hi' } })
  cutOff(false)
  models[0].open()
  t.same((await first).body, again.body, 'and the first hears the same, once it is back')
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
  t.equal(status, 200)
  t.match(await first, { status: 200, body })
})
