import { createServer } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { createKeySet, type KeySetOptions } from '../../src/http/key-set.js'
import { collectGarbage } from '../helpers/garbage.js'
import { guardedApp } from '../helpers/guarded-app.js'
import { asymmetric, published, serving } from '../helpers/key-pairs.js'
import { listen } from '../helpers/listen.js'
import { until } from '../helpers/models.js'
import { claims, issuer } from '../helpers/tokens.js'

const MINUTE = 60_000
const down: typeof fetch = async () => {
  throw new Error('connection refused')
}
const unavailable = { code: 'keys-unavailable' }

// Two tests wait out the limit of a fetch, which is five seconds.
t.jobs = 2
const atOnce = { buffered: true }

/** A key set whose clock and network the test decides; `state.fetches` counts. */
const fixture = (answer: typeof fetch = serving(), more: Partial<KeySetOptions> = {}) => {
  const state = { now: 0, fetches: 0, warnings: 0, answer }
  const find = createKeySet({
    url: `${issuer}/api/auth/jwks`,
    log: {
      warn: () => {
        state.warnings += 1
      },
    },
    now: () => state.now,
    fetch: (...request) => {
      state.fetches += 1
      return state.answer(...request)
    },
    ...more,
  })
  return { find, state }
}

t.test(
  'keys are fetched when first needed, by all who wait together, and again when they are old',
  async (t) => {
    const { find, state } = fixture()
    t.equal(state.fetches, 0, 'nothing is fetched before a key is needed')
    const found = await Promise.all(Array.from({ length: 50 }, () => find('EdDSA', 'EdDSA')))
    t.match(new Set(found).size, 1, 'all who wait get the same key')
    t.match(found[0], /^-----BEGIN PUBLIC KEY-----/, 'as PEM')
    t.equal(state.fetches, 1, 'with one fetch')
    state.now = 5 * MINUTE - 1
    await find('ES256', 'ES256')
    t.equal(state.fetches, 1, 'fresh keys are not fetched again')
    state.now += 1
    await find('ES256', 'ES256')
    t.equal(state.fetches, 2, 'beside their use')
    await setImmediate()
    state.now += 10 * MINUTE
    state.answer = serving([published[1]])
    t.equal(await find('EdDSA', 'EdDSA'), undefined, 'a key that was taken back is gone by then')
    t.equal(state.fetches, 3, 'the use of very old keys waits for a fetch')
  },
)

t.test('unknown key ids make one fetch per cooldown, however many come', async (t) => {
  const { find, state } = fixture()
  for (let n = 0; n < 300; n += 1) {
    const found = await Promise.all([find('EdDSA', `a${n}`), find('ES256', `b${n}`), find('RS256', 'EdDSA')])
    t.strictSame(found, [undefined, undefined, undefined], `flood ${n}: no key is found`)
    state.now += 100
  }
  t.equal(state.fetches, 3, 'in 30 seconds')
})

t.test('a flood of tokens in an outage makes one fetch per 2 seconds and is 503', async (t) => {
  const { find, state } = fixture(down)
  const { get } = guardedApp(t, { published: { keys: find, issuer, audience: issuer } })
  for (let n = 0; n < 100; n += 1) {
    const token = asymmetric('EdDSA', claims(), { kid: `unknown ${n}` })
    t.match(
      await get(`Bearer ${n % 2 ? asymmetric('ES256') : token}`),
      { status: 503, ...unavailable },
      `token ${n} is not judged`,
    )
    state.now += 100
  }
  t.equal(state.fetches, 5, 'in 10 seconds')
  t.equal(state.warnings, 5, 'and one line in the log for each')
  t.match(await get('Bearer garbage'), { status: 401 }, 'what needs no key to be refused is still 401')
  state.answer = serving()
  state.now += 2000
  t.match(
    await get(`Bearer ${asymmetric('ES256')}`),
    { status: 200 },
    'and all is well as soon as the keys are back',
  )
  t.match(
    await get(`Bearer ${asymmetric('EdDSA', claims(), { kid: 'unknown' })}`),
    { status: 401 },
    'for both',
  )
})

t.test('in an outage the known keys go on for a day, and unknown ones are 503', atOnce, async (t) => {
  const { find, state } = fixture()
  await find('EdDSA', 'EdDSA')
  state.answer = down
  for (state.now = 10 * MINUTE; state.now < 24 * 60 * MINUTE; state.now += 47 * MINUTE) {
    t.type(await find('EdDSA', 'EdDSA'), 'string', `after ${state.now / MINUTE} minutes`)
    await t.rejects(
      find('EdDSA', 'unknown'),
      unavailable,
      `an unknown one, after ${state.now / MINUTE} minutes`,
    )
  }
  state.answer = () => new Promise(() => {})
  state.now = 24 * 60 * MINUTE - 1
  t.type(await find('EdDSA', 'EdDSA'), 'string', 'without waiting for the try that is under way')
  state.now += 1
  const waiting = find('EdDSA', 'EdDSA')
  await t.rejects(waiting, unavailable, 'after that they are no longer believed')
})

t.test('an answer that stalls shuts nobody out, whatever was collected meanwhile', atOnce, async (t) => {
  let stalls = false
  let stalled = 0
  let gone = 0
  const body = JSON.stringify({ keys: published })
  const server = createServer((_, response) => {
    if (!stalls) return response.end(body)
    stalled += 1
    response.once('close', () => {
      gone += 1
    })
    response.write(body.slice(0, body.length / 2))
  })
  const url = `${await listen(t, server)}/`
  const { find, state } = fixture(fetch, { url })
  await find('EdDSA', 'EdDSA')
  stalls = true
  state.now = 10 * MINUTE
  const unknown = find('EdDSA', 'new')
  unknown.catch(() => {})
  t.type(await find('EdDSA', 'EdDSA'), 'string', 'a known key waits for a moment')
  await collectGarbage()
  await t.rejects(unknown, unavailable, 'an unknown one for as long as a fetch may take')
  t.equal(stalled, 1, 'all share it')
  await until(() => gone === 1)
  stalls = false
  state.now += 2_000
  t.equal(await find('EdDSA', 'new'), undefined, 'and all is well when the key set is')
  t.type(await find('RS256', 'RS256'), 'string', 'every key is there again')
})
