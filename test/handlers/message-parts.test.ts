import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { answerParts } from '../../src/turns/answer-parts.js'
import { emptyAnswer, reduce, type TurnEvent } from '../../src/turns/events.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { add, appWith, calling, saying, tasks } from '../helpers/tool-turns.js'
import { events } from '../helpers/upstream.js'

interface Part {
  type: string
  text?: string
  tool_call_id?: string
}

t.test('parts are the texts, calls and reasoning in the order in which they were said', async (t) => {
  const said = fc.oneof(
    fc
      .string({ unit: fc.constantFrom('a', 'é', '😀', '\n', '世'), maxLength: 6 })
      .map((delta): TurnEvent => ({ type: 'text-delta', delta })),
    fc.uuid().map((id): TurnEvent => ({ type: 'tool-call', id, name: 'x', arguments: {} })),
    fc.constantFrom('Hm', '😀').map((delta): TurnEvent => ({ type: 'reasoning-delta', delta })),
  )
  let most = 0
  const property = fc.property(fc.array(said, { maxLength: 12 }), (script) => {
    const answer = emptyAnswer()
    const expected: Part[] = []
    for (const event of script) {
      reduce(answer, event)
      const last = expected.at(-1)
      if (event.type === 'tool-call') expected.push({ type: 'tool-call', tool_call_id: event.id })
      else if (!('delta' in event) || event.delta === '') continue
      else {
        const type = event.type === 'text-delta' ? 'text' : 'reasoning'
        if (last?.type === type) last.text += event.delta
        else expected.push({ type, text: event.delta })
      }
    }
    const parts = answerParts(answer.text, answer.tool_calls, answer.reasoning).map((part) =>
      part.type === 'tool-call' ? { type: part.type, tool_call_id: part.call.id } : part,
    )
    most = Math.max(most, parts.length)
    assert.deepEqual(parts, expected)
  })
  fc.assert(property, { numRuns: runs(200), seed: drawSeed(t) })
  t.ok(most > 4, 'some had many parts')
})

t.test('a message keeps the order of its texts and calls, however it is read', async (t) => {
  const app = await appWith(t, tasks())
  const step = (text: string, id: string) =>
    events(wire.begin, wire.text(text), ...wire.calls(add(id)).slice(1))
  app.provider.answer(step('First 😀.', 'a'), step('Then.', 'b'), calling(add('c')), saying('Done.'))
  const { conversation_id, message_id, response } = await app.chat('go')
  const { body } = await app.call('GET', `/api/alice/conversations/${conversation_id}/messages`)
  const [question, answer] = body.data
  t.same(question.parts, [{ type: 'text', text: 'go' }], 'a question is its text')
  t.same(
    answer.parts,
    [
      { type: 'text', text: 'First 😀.' },
      { type: 'tool-call', tool_call_id: 'a' },
      { type: 'text', text: '\n\nThen.' },
      { type: 'tool-call', tool_call_id: 'b' },
      { type: 'tool-call', tool_call_id: 'c' },
      { type: 'text', text: '\n\nDone.' },
    ],
    'an answer is its texts and calls',
  )
  t.equal(answer.content, response, 'its content is what was answered')
  t.equal(answer.parts.map(({ text = '' }: Part) => text).join(''), response, 'which is its texts, joined')
  t.same(
    (await app.call('GET', `/api/alice/messages/${message_id}`)).body,
    answer,
    'getMessage gives the same',
  )
  t.same(
    (await app.call('GET', `/api/alice/messages/${question.id}?include=reasoning`)).body,
    question,
    'of a question as well',
  )
})

t.test('an answer says why the model stopped', async (t) => {
  const app = await appWith(t, tasks())
  const cut = () => events(wire.begin, wire.text('cut'), wire.finish('length'), wire.usage, wire.done)
  const messageOf = async (id: string) => (await app.call('GET', `/api/alice/messages/${id}`)).body
  for (const [reply, reason] of [
    [cut(), 'length'],
    [saying('whole'), 'stop'],
  ] as const) {
    app.provider.answer(reply)
    const answer = await app.chat('go')
    t.match(answer, { status: 'completed', finish_reason: reason }, `${reason}: the answer says so`)
    t.equal((await messageOf(answer.message_id)).finish_reason, reason, `${reason}: and the message`)
    t.equal((await messageOf(answer.user_message_id)).finish_reason, null, `${reason}: not the question`)
    const stream = await app.stream('GET', `/api/alice/turns/${answer.turn_id}/stream`)
    t.match(
      (await stream.all()).at(-2),
      { type: 'finish', finishReason: reason },
      `${reason}: and a replayed stream`,
    )
  }
  app.provider.answer(cut())
  const live = await app.stream('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.match((await live.all()).at(-2), { type: 'finish', finishReason: 'length' }, 'a live stream as well')

  app.provider.answer(events(wire.begin, wire.text('half'), wire.error({ message: 'no' })))
  const failed = await app.call('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.equal(failed.status, 502, 'an answer that breaks off fails')
  const { body } = await app.call('GET', `/api/alice/conversations/${failed.body.conversation_id}/messages`)
  t.match(body.data[1], { status: 'failed', finish_reason: null }, 'it has no finish reason')
})
