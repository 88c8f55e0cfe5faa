import t, { type Test } from 'tap'
import type { Model } from '../../src/models/model.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { openPage, stored, textsOf } from '../helpers/page.js'

t.test('a message is sent and its answer streamed, under the ids that are stored', async (t) => {
  const app = await testApp(t)
  const page = await openPage(t, app)
  await page.current.sendMessage({ text: 'hello there' })
  await page.current.sendMessage({ text: 'and again' })
  await page.rendered()
  t.same(
    textsOf(page.current.messages),
    ['hello there', 'Echo: hello there', 'and again', 'Echo: and again'],
    'both questions and both answers are on the page',
  )
  t.equal(page.current.status, 'ready', 'the page is ready for the next')
  const { count, messages } = await stored(app)
  t.equal(count, 1, 'one conversation')
  t.same(
    [page.current.messages[1]?.id, page.current.messages[3]?.id],
    [messages[1].id, messages[3].id],
    'the answers have the ids that are stored',
  )
})

t.test('stop cancels the turn, and what it said stays', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const page = await openPage(t, app)
  const sent = page.current.sendMessage({ text: 'hi' })
  await until(() => textsOf(page.current.messages)[1] === 'so far: ')
  await page.current.stop()
  await sent
  await until(() => gated.working() === 0)
  t.equal(page.current.status, 'ready', 'the page is ready for the next')
  const { messages } = await stored(app)
  t.match(
    messages[1],
    { status: 'cancelled', content: 'so far: ' },
    'the turn is cancelled and keeps its text',
  )
})

for (const strict of [false, true]) {
  t.test(`a reloaded page resumes the running answer${strict ? ', in StrictMode too' : ''}`, async (t) => {
    const gated = gatedModel()
    const app = await testApp(t, { model: gated.model })
    const sent = app.call('POST', '/api/alice/chat', { body: { message: 'hi' } })
    await until(() => gated.working() === 1)
    const { id } = await stored(app)
    const page = await openPage(t, app, { conversationId: id, strict })
    await until(() => textsOf(page.current.messages)[1] === 'so far: ')
    gated.open()
    await until(() => page.current.status === 'ready')
    t.same(textsOf(page.current.messages), ['hi', 'so far: hi'], 'the whole answer is on the page')
    t.match(
      await sent,
      { status: 200, body: { status: 'completed' } },
      'the request that began the turn is answered, too',
    )

    const again = await openPage(t, app, { conversationId: id, strict })
    await until(() => again.current.status === 'ready')
    t.same(textsOf(again.current.messages), ['hi', 'so far: hi'], 'nothing to resume, nothing twice')
  })
}

t.test('stopping a resumed answer cancels its turn', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const sent = app.call('POST', '/api/alice/chat', { body: { message: 'hi' } })
  await until(() => gated.working() === 1)
  const page = await openPage(t, app, { conversationId: (await stored(app)).id })
  await until(() => textsOf(page.current.messages)[1] === 'so far: ')
  await page.current.stop()
  t.match(
    await sent,
    { body: { status: 'cancelled', response: 'so far: ' } },
    'the turn is cancelled and keeps its text',
  )
})

t.test('an error is shown, and trying again makes a new attempt of the same turn', async (t) => {
  let attempts = 0
  const model: Model = {
    name: 'moody',
    async *run() {
      attempts += 1
      yield { type: 'text-delta', delta: `attempt ${attempts}` }
      if (attempts === 1) throw new Error('no')
      yield {
        type: 'finish',
        usage: {
          input_tokens: null,
          output_tokens: null,
          cached_input_tokens: null,
          reasoning_tokens: null,
          total_tokens: null,
        },
      }
    },
  }
  const app = await testApp(t, { model })
  const page = await openPage(t, app)
  await page.current.sendMessage({ text: 'hi' })
  await page.rendered()
  t.equal(page.current.status, 'error', 'the page shows that it failed')
  t.match(
    page.current.error,
    { name: 'ColloquyError', code: 'model-failed', status: 502, message: 'The model failed to answer.' },
    'the page has the error of the model',
  )
  t.equal(textsOf(page.current.messages)[1], 'attempt 1', 'what came before it stays')
  await page.current.regenerate()
  await page.rendered()
  t.same(
    textsOf(page.current.messages),
    ['hi', 'attempt 2'],
    'the new attempt takes the place of the old one',
  )
  const { messages } = await stored(app)
  t.same(
    messages.map(({ content }: { content: string }) => content),
    ['hi', 'attempt 2'],
    'and is stored in its place',
  )
})

t.test('a refusal before the stream is shown with its detail', async (t) => {
  const app = await testApp(t)
  const page = await openPage(t, app, { token: () => tokenOf('bob') })
  await page.current.sendMessage({ text: 'hi' })
  await page.rendered()
  t.match(
    page.current.error,
    { name: 'ColloquyError', status: 403, code: 'forbidden' },
    'the page has the refusal of the server',
  )
})

/** A fetch whose first streams are cut after some bytes, as by a proxy that goes away. */
const cutting =
  (t: Test, cuts: number[]): typeof fetch =>
  async (input, init) => {
    const response = await fetch(input, init)
    const isStream = response.headers.get('content-type') === 'text/event-stream'
    const left = isStream ? cuts.shift() : undefined
    if (left === undefined || !response.body) return response
    t.comment(`cut after ${left} bytes`)
    let room = left
    const body = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          controller.enqueue(chunk.slice(0, room))
          room -= chunk.length
          if (room <= 0) controller.error(new TypeError('terminated'))
        },
      }),
    )
    return new Response(body, response)
  }

t.test('a connection that is cut, while the turn runs or before anything came, is resumed', async (t) => {
  const text = Array.from({ length: 40 }, (_, n) => `word${n}`).join(' ')
  for (const cuts of [[1], [60], [400, 400], [2_000, 100, 50]]) {
    const app = await testApp(t)
    const page = await openPage(t, app, { fetch: cutting(t, [...cuts]) })
    await page.current.sendMessage({ text })
    await page.rendered()
    t.equal(page.current.error, undefined, `cut after ${cuts}: no error`)
    t.same(
      textsOf(page.current.messages),
      [text, `Echo: ${text}`],
      `cut after ${cuts}: nothing is missing or shown twice`,
    )
    t.equal((await stored(app)).messages.length, 2, `cut after ${cuts}: the message was sent once`)
  }
})
