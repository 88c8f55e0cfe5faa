import t from 'tap'
import { type Costs, type Setup, simulate } from '../../scripts/simulate/model.js'

const costs: Costs = { server: 0.5, database: 0.4, batch: 0.2, commit: 1, roundTrip: 2, load: 0 }
const setup: Setup = { instances: 1, databases: 1, clients: 200, databaseCores: 64, modelMs: 0 }
const turns = 6_000
const predict = (change: Partial<Setup>, other: Partial<Costs> = {}) =>
  simulate({ ...costs, ...other }, { ...setup, ...change }, turns)

t.test('a turn alone takes the sum of what it costs', async (t) => {
  const { p50, perBatch, turnsPerSecond } = predict({ clients: 1, modelMs: 30 }, { load: 0.1 })
  // Begin and end are a batch each, with a commit and a round trip.
  const sum = 0.1 + 0.5 + 30 + 0.4 + 2 * (0.2 + 1 + 2)
  t.ok(Math.abs(p50 - sum) < 0.01, `${p50} ms is ${sum} ms`)
  t.ok(Math.abs(turnsPerSecond - 1000 / sum) < 0.1, `${turnsPerSecond} turns/s are ${1000 / sum}`)
  t.equal(perBatch, 1, 'nobody shares its batches')
})

t.test('an instance is one thread', async (t) => {
  const one = predict({})
  t.ok(Math.abs(one.turnsPerSecond - 2_000) < 40, `${one.turnsPerSecond} turns/s of 0.5 ms each are 2,000`)
  const two = predict({ instances: 2 })
  t.ok(two.turnsPerSecond > 1.9 * one.turnsPerSecond, `${two.turnsPerSecond} turns/s: two have two`)
})

t.test('a database ends growth, and a second one makes it go on', async (t) => {
  const few = { instances: 8, databaseCores: 1, clients: 300 }
  const one = predict(few)
  const most = 1000 / (0.4 + (2 * 0.2) / one.perBatch)
  t.ok(Math.abs(one.turnsPerSecond - most) < 0.03 * most, `${one.turnsPerSecond} turns/s are ${most}`)
  t.ok(one.databaseCores > 0.97 && one.databaseCores < 1.03, `its core is busy: ${one.databaseCores}`)
  const two = predict({ ...few, databases: 2 })
  t.ok(two.turnsPerSecond > 1.8 * one.turnsPerSecond, `${two.turnsPerSecond} turns/s: two have two cores`)
})

t.test('on one machine all share its cores', async (t) => {
  const { turnsPerSecond, perBatch } = predict({ instances: 4, sharedCores: 2 }, { load: 0.1 })
  const most = 2_000 / (0.5 + 0.4 + 0.1 + (2 * 0.2) / perBatch)
  t.ok(turnsPerSecond <= 1.03 * most, `${turnsPerSecond} turns/s are not more than ${most}`)
  t.ok(turnsPerSecond > 0.85 * most, `${turnsPerSecond} turns/s are most of ${most}`)
})
