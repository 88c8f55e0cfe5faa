import t from 'tap'
import { createCooldowns } from '../../src/models/cooldowns.js'
import { ModelError, type ModelErrorCode } from '../../src/models/model-error.js'

/** How it failed, the provider's Retry-After, and for how long it is left alone, all in milliseconds. */
const rows: [code: ModelErrorCode, retryAfterMs: number | undefined, ms: number][] = [
  ['model-unreachable', undefined, 30_000],
  ['model-overloaded', undefined, 30_000],
  ['model-timeout', undefined, 30_000],
  ['model-overloaded', 2_000, 2_000],
  ['model-overloaded', 90_000, 90_000],
  ['model-overloaded', 3_600_000, 300_000],
  ['model-overloaded', Number.POSITIVE_INFINITY, 300_000],
  ['model-unauthorized', undefined, 300_000],
  ['model-unauthorized', 1_000, 300_000],
]

t.test('a model that failed is left alone for a bounded time', async (t) => {
  for (const [code, retryAfterMs, ms] of rows) {
    let now = 1_000_000
    const cooldowns = createCooldowns(() => now)
    const what = `${code}, Retry-After ${retryAfterMs ?? 'absent'}`
    cooldowns.asked('a')
    cooldowns.failed('a', new ModelError(code, '', { retryAfterMs }))
    t.ok(cooldowns.isResting('a'), `${what}: from the failure on`)
    t.notOk(cooldowns.isResting('b'), `${what}: no other model`)
    now += ms - 1
    t.ok(cooldowns.isResting('a'), `${what}: until its time is over`)
    now += 1
    t.notOk(cooldowns.isResting('a'), `${what}: and no longer`)
  }
})

t.test('past its time one request tries a model, and the others wait for what becomes of it', async (t) => {
  let now = 0
  const cooldowns = createCooldowns(() => now)
  const fail = () => cooldowns.failed('a', new ModelError('model-unreachable', ''))
  cooldowns.asked('a')
  t.notOk(cooldowns.isResting('a'), 'a model that has not failed is asked by everybody')
  fail()
  now = 30_000
  cooldowns.asked('a')
  t.ok(cooldowns.isResting('a'), 'the others leave it alone')
  cooldowns.answered('a')
  t.notOk(cooldowns.isResting('a'), 'until it answers')
  fail()
  now = 60_000
  cooldowns.asked('a')
  now = 90_000
  t.notOk(cooldowns.isResting('a'), 'a request without an end keeps them away for a bounded time')
  fail()
  now = 100_000
  cooldowns.asked('a')
  now = 120_000
  t.notOk(cooldowns.isResting('a'), 'a request that it gets all the same does not prolong its time')
})
