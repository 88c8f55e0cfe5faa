import t from 'tap'
import { type KeySetOptions, keySet } from '../../src/http/key-set.js'
import { guardedApp } from '../helpers/guarded-app.js'
import { asymmetric, claims, issuer, published, serving } from '../helpers/tokens.js'

const MINUTE = 60_000
const down: typeof fetch = async () => {
  throw new Error('connection refused')
}
const unavailable = { code: 'keys-unavailable' }

/** A key set whose clock and network the test decides; `state.fetches` counts. */
const fixture = (answer: typeof fetch = serving(), more: Partial<KeySetOptions> = {}) => {
  const state = { now: 0, fetches: 0, warnings: 0, answer }
  const find = keySet({
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
    t.equal(state.fetches, 0)
    const found = await Promise.all(Array.from({ length: 50 }, () => find('EdDSA', 'EdDSA')))
    t.match(new Set(found).size, 1)
    t.match(found[0], /^-----BEGIN PUBLIC KEY-----/)
    t.equal(state.fetches, 1)
    state.now = 10 * MINUTE - 1
    await find('ES256', 'ES256')
    t.equal(state.fetches, 1)
    state.now += 1
    state.answer = serving([published[1]])
    t.equal(await find('EdDSA', 'EdDSA'), undefined, 'a key that was taken back is gone by then')
    t.equal(state.fetches, 2)
  },
)

t.test('unknown key ids make one fetch per cooldown, however many come', async (t) => {
  const { find, state } = fixture()
  for (let n = 0; n < 300; n += 1) {
    const found = await Promise.all([find('EdDSA', `a${n}`), find('ES256', `b${n}`), find('RS256', 'EdDSA')])
    t.strictSame(found, [undefined, undefined, undefined])
    state.now += 100
  }
  t.equal(state.fetches, 3, 'in 30 seconds')
})

t.test('a flood of tokens in an outage makes one fetch per 2 seconds and is 503', async (t) => {
  const { find, state } = fixture(down)
  const { get } = guardedApp(t, { published: { keys: find, issuer, audience: issuer } })
  for (let n = 0; n < 100; n += 1) {
    const token = asymmetric('EdDSA', claims(), { kid: `unknown ${n}` })
    t.match(await get(`Bearer ${n % 2 ? asymmetric('ES256') : token}`), { status: 503, ...unavailable })
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

t.test('in an outage the known keys go on for an hour, and unknown ones are 503', async (t) => {
  const { find, state } = fixture()
  await find('EdDSA', 'EdDSA')
  state.answer = down
  state.now = 10 * MINUTE
  t.type(await find('EdDSA', 'EdDSA'), 'string')
  t.equal(state.fetches, 2)
  await t.rejects(find('EdDSA', 'unknown'), unavailable)
  state.answer = () => new Promise(() => {})
  state.now = 60 * MINUTE - 1
  t.type(await find('EdDSA', 'EdDSA'), 'string', 'without waiting for the try that is under way')
  t.equal(state.fetches, 3)
})

t.test('after an hour of outage the old keys are no longer believed', async (t) => {
  const { find, state } = fixture()
  await find('EdDSA', 'EdDSA')
  state.answer = down
  state.now = 60 * MINUTE
  await t.rejects(find('EdDSA', 'EdDSA'), unavailable)
})
