import t, { type Test } from 'tap'
import type { Model, ModelEvent } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { openPage, type Page, type PageOptions, seenOf, seenOfStored, soon, stored } from '../helpers/page.js'
import { done } from '../helpers/scripted.js'

type End = 'completed' | 'failed' | 'cancelled' | 'interrupted'
const ends: End[] = ['completed', 'failed', 'cancelled', 'interrupted']
const code = { failed: 'model-content-filtered', interrupted: 'turn-interrupted' } as Record<End, string>

/** Says half an answer, waits for the test, and says the rest or fails. */
const halfModel = () => {
  let release: (end: string) => void = () => {}
  let working = 0
  const model: Model = {
    name: 'half',
    async *run({ signal }): AsyncGenerator<ModelEvent> {
      yield { type: 'text-delta', delta: 'half ' }
      const end = await new Promise<string>((resolve, reject) => {
        working += 1
        release = resolve
        signal.addEventListener('abort', () => reject(signal.reason))
      }).finally(() => {
        working -= 1
      })
      if (end === 'failed') throw new ModelError('model-content-filtered', 'filtered')
      yield { type: 'text-delta', delta: 'and whole' }
      yield done
    },
  }
  return { model, working: () => working, end: (end: string) => release(end) }
}

const half = halfModel()
const app = await testApp(t, { model: half.model })

/** A turn with half an answer; `end` resolves when its end is stored. One that is interrupted runs on another instance. */
const runningTurn = async (t: Test, how: End) => {
  const { databaseUrl } = app
  const busy =
    how === 'interrupted' ? await testApp(t, { model: half.model, databaseUrl, shutdownMs: 1 }) : app
  const first = app.call('POST', '/api/alice/chat', { body: { message: 'before' } })
  await until(() => half.working() === 1)
  half.end('completed')
  const { conversation_id } = (await first).body
  const body = { conversation_id, message: 'question' }
  const asked = busy.call('POST', '/api/alice/chat', { body }).catch(() => undefined)
  await until(() => half.working() === 1)
  const { turn_id } = (await stored(app)).messages.at(-1)
  const end = async () => {
    if (how === 'interrupted') await busy.app.close()
    else if (how === 'cancelled') await app.call('POST', `/api/alice/turns/${turn_id}/cancel`)
    else half.end(how)
    await until(async () => (await stored(app)).messages.length === 4)
    await asked
  }
  return { conversationId: conversation_id as string, end }
}

const isSettled = ({ current }: Page) => current.status === 'ready' || current.status === 'error'
const isStream = (input: unknown) => String(input).endsWith('/stream')

/** A fetch that does something before the first stream is asked for, or when its answer has begun. */
const gated =
  (when: 'before' | 'begun', act: () => Promise<void>): typeof fetch =>
  async (input, init) => {
    if (!isStream(input)) return fetch(input, init)
    if (when === 'before') await act()
    const response = await fetch(input, init)
    if (when === 'begun') await act()
    return response
  }

const gaps: Record<string, (end: () => Promise<void>) => PageOptions> = {
  'between loading and resuming': (end) => ({ onLoaded: end }),
  'when the resume is on its way': (end) => ({ fetch: gated('before', end) }),
  'when the resumed stream has begun': (end) => ({ fetch: gated('begun', end) }),
}

const once = (act: () => Promise<void>) => {
  let acted: Promise<void> | undefined
  return () => {
    acted ??= act()
    return acted
  }
}

/** The page shows what is stored: every message once, as it is stored, and a failure with its code. */
const check = async (t: Test, page: Page, how: End, isLoaded: boolean) => {
  const error = isLoaded ? undefined : code[how]
  // It is ready from the beginning, too.
  await soon(() => isSettled(page) && page.current.messages.length === 4 && !page.current.error === !error)
  const expected = await seenOfStored(app)
  t.equal(expected.length, 4, 'two turns are stored')
  t.match(
    expected[3],
    { role: 'assistant', status: how, text: /^half / },
    'the second answer is stored as it ended',
  )
  t.same(seenOf(page.current.messages), expected, 'the page shows what is stored')
  if (error === undefined) t.equal(page.current.error, undefined, 'no error is shown')
  else
    t.match(
      page.current.error,
      { name: 'ColloquyError', code: error },
      'the error is that of the failed turn',
    )
}

for (const how of ends) {
  t.test(`an answer that ends before the page is loaded: ${how}`, async (t) => {
    const { conversationId, end } = await runningTurn(t, how)
    await end()
    await check(t, await openPage(t, app, { conversationId }), how, true)
  })

  for (const [gap, options] of Object.entries(gaps)) {
    for (const strict of how === 'completed' ? [false, true] : [false]) {
      t.test(`an answer that ends ${gap}: ${how}${strict ? ', in StrictMode' : ''}`, async (t) => {
        const { conversationId, end } = await runningTurn(t, how)
        const given = options(once(end))
        await check(t, await openPage(t, app, { conversationId, strict, ...given }), how, false)
      })
    }
  }

  t.test(`an answer that ends after the page has resumed: ${how}`, async (t) => {
    const { conversationId, end } = await runningTurn(t, how)
    const page = await openPage(t, app, { conversationId })
    await until(() => seenOf(page.current.messages).at(-1)?.text === 'half ')
    await end()
    await check(t, page, how, false)
  })
}
