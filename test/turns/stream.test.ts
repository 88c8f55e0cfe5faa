import t from 'tap'
import { type TestApp, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'
import { textOf, turnOf, typesOf } from '../helpers/stream.js'

/** The batches that are stored. */
const storedEvents = async ({ db }: TestApp): Promise<unknown[]> => {
  const rows = await db.asUser(
    'alice',
    (sql) => sql<{ events: unknown }[]>`select events from colloquy.turn_events order by seq`,
  )
  return rows.map(({ events }) => events)
}

t.test('a streamed turn says the same as its stored message, and ends after it is stored', async (t) => {
  const { call, stream } = await testApp(t)
  const answer = await stream('POST', '/api/alice/chat', { body: { message: 'hello there' } })
  t.equal(answer.status, 200, 'the stream begins')
  t.match(
    Object.fromEntries(answer.headers),
    {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-vercel-ai-ui-message-stream': 'v1',
    },
    'with the headers of a UI message stream',
  )
  const events = await answer.all()
  t.same(
    typesOf(events),
    [
      'start',
      'data-turn',
      'start-step',
      'text-start',
      ...Array(3).fill('text-delta'),
      'text-end',
      'finish-step',
      'finish',
      '[DONE]',
    ],
    'its events come in their order',
  )
  t.same(
    answer.frames.map(({ id }) => id),
    events.map((_, n) => `1-${n + 1}`),
    'its ids count up from 1',
  )
  const { conversation_id, turn_id, user_message_id } = await turnOf(answer)
  const { body } = await call('GET', `/api/alice/conversations/${conversation_id}/messages`)
  t.match(
    body.data,
    [
      { id: user_message_id, turn_id },
      { turn_id, content: 'Echo: hello there', status: 'completed' },
    ],
    'the messages are stored as they were announced',
  )
  t.same(events[0], { type: 'start', messageId: body.data[1].id }, 'the answer has the announced id')
  t.equal(textOf(events), 'Echo: hello there', 'the streamed text is the stored one')
})

t.test(
  'a turn is followed on the instance that does not run it, from the start and to the end',
  async (t) => {
    const gated = gatedModel()
    const one = await testApp(t, { model: gated.model })
    const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
    const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
    const { turn_id, conversation_id } = await turnOf(first)
    const others = await Promise.all(
      [one, two, two].map(({ stream }) => stream('GET', `/api/alice/turns/${turn_id}/stream`)),
    )
    const reload = await two.stream('GET', `/api/alice/conversations/${conversation_id}/stream`)
    await Promise.all([...others, reload].map((other) => other.until(({ event }) => textOf([event]) !== '')))
    gated.open()
    const events = await first.all()
    t.equal(textOf(events), 'so far: hi', 'the first stream has the whole text')
    for (const [n, other] of [...others, reload].entries()) {
      const followed = await other.all()
      t.equal(textOf(followed), 'so far: hi', `stream ${n} has the whole text`)
      const ending = ['text-end', 'finish-step', 'finish', '[DONE]']
      t.same(typesOf(followed).slice(-4), ending, `stream ${n} has the end`)
      t.same(followed.slice(0, 5), events.slice(0, 5), `stream ${n} begins as the first one`)
    }
    const none = await two.call('GET', `/api/alice/conversations/${conversation_id}/stream`)
    t.equal(none.status, 204, 'the conversation has no running turn')
    const replay = await two.stream('GET', `/api/alice/turns/${turn_id}/stream`)
    t.equal(textOf(await replay.all()), 'so far: hi', 'an ended turn is streamed again')
  },
)

t.test('a client that comes back goes on after the last event that it has', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
  const last = await first.until(({ event }) => textOf([event]) !== '')
  const { turn_id } = await turnOf(first)
  await first.leave()
  await until(async () => (await storedEvents(one)).length > 0)
  const backs = await Promise.all(
    [one, two].map(({ stream }) =>
      stream('GET', `/api/alice/turns/${turn_id}/stream`, { headers: { 'last-event-id': last?.id ?? '' } }),
    ),
  )
  gated.open()
  for (const [n, back] of backs.entries()) {
    const rest = ['text-delta', 'text-end', 'finish-step', 'finish', '[DONE]']
    t.same(typesOf(await back.all()), rest, `stream ${n} has the events after the id`)
    t.equal(textOf(await back.all()), 'hi', `stream ${n} has the missing text`)
  }
})

t.test('cancelling ends every stream with abort, and a failure with its error', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
  await first.until(({ event }) => textOf([event]) !== '')
  const { turn_id } = await turnOf(first)
  const other = await two.stream('GET', `/api/alice/turns/${turn_id}/stream`)
  await two.call('POST', `/api/alice/turns/${turn_id}/cancel`)
  for (const [which, answer] of Object.entries({ first, other })) {
    t.same(typesOf(await answer.all()).slice(-3), ['text-end', 'abort', '[DONE]'], `${which} is aborted`)
    t.equal(textOf(await answer.all()), 'so far: ', `${which} has what was said`)
  }
})

t.test('what a running turn has said is stored, and gone when the turn has ended', async (t) => {
  const gated = gatedModel()
  const app = await testApp(t, { model: gated.model })
  const first = await app.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
  await until(async () => (await storedEvents(app)).length > 0)
  t.same(await storedEvents(app), [['so far: ']], 'what was said is stored')
  gated.open()
  await first.all()
  t.same(await storedEvents(app), [], 'the events are deleted')
  t.equal((await app.call('GET', '/api/alice/conversations')).body.data[0].message_count, 2, 'both messages')
})

t.test('a client that has more than was kept gets all of the end, from the start', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model })
  const two = await testApp(t, { model: gated.model, databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
  const { turn_id } = await turnOf(first)
  await until(async () => (await storedEvents(one)).length > 0)
  const back = await two.stream('GET', `/api/alice/turns/${turn_id}/stream`, {
    headers: { 'last-event-id': '1-99' },
  })
  gated.open()
  t.equal(textOf(await back.all()), 'so far: hi', 'the whole text is sent')
  t.equal(typesOf(await back.all())[0], 'start', 'the stream begins from the start')
})
