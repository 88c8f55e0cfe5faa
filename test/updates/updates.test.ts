import t from 'tap'
import { type Json, type TestApp, testApp } from '../helpers/app.js'
import type { StreamAnswer } from '../helpers/stream.js'

// Alice's changes are made on one instance and followed on the other.
const one = await testApp(t)
const two = await testApp(t, { databaseUrl: one.databaseUrl })

const follow = async (user: string, { app = two, after }: { app?: TestApp; after?: string } = {}) => {
  const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after }
  const stream = await app.stream('GET', `/api/${user}/updates`, { user, headers })
  t.teardown(() => stream.leave())
  const events = () => stream.frames.map(({ event }) => event as Json)
  return {
    stream,
    events,
    /** Waits for such an event. */
    next: async (type: string, fields: Json = {}): Promise<Json> => {
      const fits = ({ event }: StreamAnswer['frames'][number]) =>
        (event as Json).type === type &&
        Object.entries(fields).every(([name, value]) => (event as Json)[name] === value)
      return stream.until(fits)
    },
  }
}

t.test('what changes on one instance is told on the other', async (t) => {
  const { next, stream } = await follow('alice')
  t.equal(stream.status, 200, 'the stream stands')
  t.equal(stream.headers.get('x-vercel-ai-ui-message-stream'), null, 'it is no message stream')
  t.match(await next('ready'), { id: /./ }, 'it begins with ready, which has an id')

  const { conversation_id, turn_id } = await one.chat('Hello')
  t.ok(await next('conversation-created', { conversation_id }), 'a conversation that a message begins')
  t.ok(await next('turn-started', { conversation_id, turn_id }), 'its turn')
  t.ok(await next('turn-ended', { conversation_id, turn_id, status: 'completed' }), 'and how that ended')

  const path = `/api/alice/conversations/${conversation_id}`
  await one.call('PATCH', path, { body: { title: 'Another title' } })
  t.ok(await next('conversation-updated', { conversation_id }), 'another title')
  const made = (await one.call('POST', '/api/alice/conversations', { body: {} })).body.id
  t.ok(await next('conversation-created', { conversation_id: made }), 'a conversation without a message')
  await one.call('DELETE', path)
  t.ok(await next('conversation-deleted', { conversation_id }), 'a deletion')
})

t.test('a stream goes on after the event that was seen last, on any instance', async (t) => {
  const first = await follow('ben')
  const { conversation_id } = await one.chat('Hello', { user: 'ben' })
  const last = await first.next('turn-ended', { conversation_id })
  await first.stream.leave()
  const more = await one.chat('More', { user: 'ben' })
  const again = await follow('ben', { app: one, after: last.id })
  await again.next('turn-ended', { turn_id: more.turn_id })
  t.equal(again.events()[0].type, 'ready', 'it begins with ready')
})

t.test('a stream that cannot go on says so, and goes on from now', async (t) => {
  for (const after of ['altered', 'WyJ4Il0.AAAAAAAAAAAAAAAA']) {
    const { next } = await follow('carl', { after })
    const reset = await next('reset')
    t.match(reset, { id: /./ }, `${after}: it begins with reset, which has an id`)
    const again = await follow('carl', { after: reset.id })
    t.ok(await again.next('ready'), `${after}: from which a stream goes on`)
  }
})

t.test('only the user’s own changes are told', async (t) => {
  const { next, events } = await follow('dora')
  await next('ready')
  await one.chat('Not yours', { user: 'eve' })
  const { turn_id } = await one.chat('Yours', { user: 'dora' })
  await next('turn-ended', { turn_id })
  t.equal(events().filter(({ turn_id: id }) => id !== undefined && id !== turn_id).length, 0, 'no other turn')
})
