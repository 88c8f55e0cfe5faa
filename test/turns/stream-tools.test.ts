import postgres from 'postgres'
import t from 'tap'
import type { ModelEvent } from '../../src/models/model.js'
import { cutOffCall } from '../../src/turns/turn-errors.js'
import { testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'
import { done, scriptedModel, words } from '../helpers/scripted.js'
import { errorOf, turnOf, typesOf } from '../helpers/stream.js'

const said: ModelEvent[] = [
  ...words('Let me ', 'see.'),
  { type: 'tool-call', id: 'a', name: 'search', arguments: { q: 'milk "fresh"' } },
  { type: 'tool-call', id: 'b', name: 'delete', arguments: {} },
  { type: 'tool-result', id: 'a', result: { found: ['milk', null] }, duration_ms: 12 },
  { type: 'tool-error', id: 'b', error: 'Not allowed.', duration_ms: 3 },
  ...words(' There ', 'is milk.'),
]
const toolCalls = [
  {
    id: 'a',
    name: 'search',
    arguments: { q: 'milk "fresh"' },
    status: 'completed',
    result: { found: ['milk', null] },
    duration_ms: 12,
  },
  { id: 'b', name: 'delete', arguments: {}, status: 'failed', error: 'Not allowed.', duration_ms: 3 },
]
const answer = 'Let me see. There is milk.'

const toolEvents = [
  {
    type: 'tool-input-available',
    toolCallId: 'a',
    toolName: 'search',
    input: { q: 'milk "fresh"' },
    dynamic: true,
  },
  { type: 'tool-input-available', toolCallId: 'b', toolName: 'delete', input: {}, dynamic: true },
  { type: 'tool-output-available', toolCallId: 'a', output: { found: ['milk', null] }, dynamic: true },
  { type: 'tool-output-error', toolCallId: 'b', errorText: 'Not allowed.', dynamic: true },
]
const texts = (id: string, ...deltas: string[]) => [
  { type: 'text-start', id },
  ...deltas.map((delta) => ({ type: 'text-delta', id, delta })),
  { type: 'text-end', id },
]
const nextStep = [{ type: 'finish-step' }, { type: 'start-step' }]

t.test(
  'tools are streamed in order, where they run, where they are followed and when it is over',
  async (t) => {
    const { model, say } = scriptedModel()
    const one = await testApp(t, { model })
    const two = await testApp(t, { model, databaseUrl: one.databaseUrl })
    const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
    const { turn_id, conversation_id } = await turnOf(first)
    const path = `/api/alice/turns/${turn_id}/stream`
    const follower = await two.stream('GET', path)
    await say(said)
    // It has all, so nothing of it comes with the end.
    await follower.until(
      ({ event }) => event !== '[DONE]' && event.type === 'text-delta' && event.delta === 'is milk.',
    )
    await say([done])
    const live = [
      ...texts('text-1', 'Let me ', 'see.'),
      ...toolEvents,
      ...nextStep,
      ...texts('text-2', ' There ', 'is milk.'),
      { type: 'finish-step' },
      { type: 'finish', finishReason: 'stop' },
      '[DONE]',
    ]
    for (const [which, stream] of Object.entries({ first, follower })) {
      t.same((await stream.all()).slice(3), live, `${which} has the events in their order`)
    }
    t.same(follower.frames, first.frames, 'under the same ids')

    const [searched, deleted, found, refused] = toolEvents
    const folded = [
      ...texts('text-1', 'Let me see.'),
      searched,
      found,
      // The calls were one step; a replay has them one by one.
      ...nextStep,
      deleted,
      refused,
      ...nextStep,
      ...texts('text-2', ' There is milk.'),
      { type: 'finish-step' },
      { type: 'finish', finishReason: 'stop' },
      '[DONE]',
    ]
    for (const [instance, app] of Object.entries({ one, two })) {
      const replay = await app.stream('GET', path)
      t.same((await replay.all()).slice(3), folded, `${instance} replays the calls one by one`)
    }
    const { body } = await two.call('GET', `/api/alice/conversations/${conversation_id}/messages`)
    t.match(body.data[1], { content: answer, tool_calls: toolCalls }, 'the text and the calls are stored')
  },
)

t.test('an interrupted turn keeps its tool calls, those without a result too', async (t) => {
  const { model, say } = scriptedModel()
  const one = await testApp(t, { model, shutdownMs: 0 })
  const two = await testApp(t, { model, databaseUrl: one.databaseUrl })
  const sql = postgres(one.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const first = await one.stream('POST', '/api/alice/chat', { body: { message: 'hi' } })
  const { turn_id, conversation_id } = await turnOf(first)
  await say([...said, { type: 'tool-call', id: 'c', name: 'wait', arguments: { for: 'ever' } }])
  const follower = await two.stream('GET', `/api/alice/turns/${turn_id}/stream`)
  await follower.until(
    ({ event }) => event !== '[DONE]' && event.type === 'tool-input-available' && event.toolCallId === 'c',
  )
  // As by the instance that comes after the one that died, while that one does not know.
  await sql.begin(async (tx) => {
    await tx`update colloquy.turns set lease_until = now() - interval '1 second'`
    await tx`
      select colloquy.interrupt_turn(p_user_id => 'alice', p_turn_id => ${turn_id}, p_cut_off => ${cutOffCall})`
  })
  for (const [which, answer] of Object.entries({ first, follower })) {
    const events = await answer.all()
    t.equal(errorOf(events), 'turn-interrupted', `${which} is told of the interruption`)
    const types = typesOf(events).slice(3).join(' ')
    t.notMatch(types, /start.*start-step.*start-step/, `${which} has no step twice`)
  }
  const path = `/api/alice/conversations/${conversation_id}/messages`
  await until(async () => (await two.call('GET', path)).body.data.length === 2)
  const { body } = await two.call('GET', path)
  t.match(body.data[1], { content: answer, status: 'interrupted' }, 'the text is stored as interrupted')
  const open = {
    id: 'c',
    name: 'wait',
    arguments: { for: 'ever' },
    status: 'failed',
    error: cutOffCall,
    duration_ms: null,
  }
  t.same(body.data[1].tool_calls, [...toolCalls, open], 'the call without a result has an error')
})
