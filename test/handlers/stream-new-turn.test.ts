import t from 'tap'
import { testApp } from '../helpers/app.js'
import { textOf, turnOf, typesOf } from '../helpers/stream.js'

const path = '/api/alice/chat/stream'

t.test('a new turn is streamed, whatever is accepted', async (t) => {
  const { stream, call } = await testApp(t)
  for (const accept of ['text/event-stream', 'application/json', '*/*', 'image/png']) {
    const answer = await stream('POST', path, { body: { message: 'hi' }, headers: { accept } })
    t.equal(answer.status, 200, `${accept}: it is answered`)
    const events = await answer.all()
    t.equal(textOf(events), 'Echo: hi', `${accept}: with the text`)
    t.same(typesOf(events).slice(-2), ['finish', '[DONE]'], `${accept}: to its end`)
    const stored = await call('GET', `/api/alice/turns/${(await turnOf(answer)).turn_id}`)
    t.equal(stored.body.status, 'completed', `${accept}: and is stored`)
  }
})

t.test('a key counts for both operations', async (t) => {
  const { stream, call } = await testApp(t)
  const sent = { body: { message: 'hi' }, headers: { 'idempotency-key': 'k' } }
  const first = await call('POST', '/api/alice/chat', sent)
  const again = await stream('POST', path, sent)
  t.equal(again.headers.get('idempotency-replayed'), 'true', 'the stream is that of the first request')
  t.equal((await turnOf(again)).turn_id, first.body.turn_id, 'of the same turn')
})

t.test('a refusal is a problem, not a stream', async (t) => {
  const { call } = await testApp(t)
  const unknown = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
  const refused: [body: object, status: number, code: string][] = [
    [{ message: '' }, 422, 'validation-failed'],
    [{ message: 'hi', model: 'none' }, 422, 'validation-failed'],
    [{ message: 'hi', conversation_id: unknown }, 404, 'conversation-not-found'],
  ]
  for (const [body, status, code] of refused) {
    const answer = await call('POST', path, { body })
    t.match(answer, { status, body: { code } }, JSON.stringify(body))
    t.match(answer.headers.get('content-type'), /^application\/problem\+json/, `${code}: with its media type`)
  }
  const { body } = await call('POST', path, { body: { message: 'hi' }, headers: { 'idempotency-key': '' } })
  t.match(
    body.errors,
    [{ path: '/headers/idempotency-key', message: /^must be your own, up to 255 characters/ }],
    'and says what a key is made of',
  )
})
