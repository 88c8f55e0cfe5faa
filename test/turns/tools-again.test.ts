import t from 'tap'
import type { Model, ToolCall } from '../../src/models/model.js'
import { ToolError } from '../../src/tools/tool.js'
import { testApp } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { done } from '../helpers/scripted.js'
import { turnOf } from '../helpers/stream.js'
import { add, appWith, calling, plain, saying, sent, tasks } from '../helpers/tool-turns.js'
import { begin, newTurn } from '../helpers/turns.js'
import { events, refuse } from '../helpers/upstream.js'

t.test('a turn that is cut leaves no call without an outcome', async (t) => {
  const aborted: boolean[] = []
  const tools = localTools({
    hang: {
      work: (_, signal) =>
        new Promise(() => signal.addEventListener('abort', () => aborted.push(signal.aborted))),
    },
  })
  const app = await appWith(t, tools)
  app.provider.answer(events(wire.begin, wire.text('Wait.'), ...wire.calls(['a', 'hang', '{}']).slice(1)))
  const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'go' } })
  const { turn_id, conversation_id } = await turnOf(stream)
  await until(() => tools.calls.length === 1)
  await app.call('POST', `/api/alice/turns/${turn_id}/cancel`)
  const error = 'The call was cut off; it may have done its work or not.'
  t.match(
    (await stream.all()).slice(-3),
    [{ type: 'tool-output-error', toolCallId: 'a', errorText: error }, { type: 'abort' }, '[DONE]'],
    'the open call ends with an error',
  )
  await until(() => aborted.length === 1)
  app.provider.answer(saying('Hm.'))
  await app.chat('And?', { conversation_id })
  t.match(
    sent(app, -1).slice(1, 4),
    [
      { role: 'assistant', tool_calls: [{ id: 'a' }] },
      { role: 'tool', tool_call_id: 'a', content: error },
      { role: 'assistant', content: 'Wait.' },
    ],
    'the next turn is told of the cut call',
  )
})

t.test('another attempt of a turn does not do again what was done', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools)
  const { provider } = app
  const send = () =>
    app.call('POST', '/api/alice/chat', { body: { message: 'go' }, headers: { 'idempotency-key': 'k' } })
  const broken = refuse(400, { error: { message: 'no' } })
  provider.answer(calling(add('a'), ['l', 'list', '{}']), broken)
  t.equal((await send()).status, 502, 'the first attempt fails')
  provider.answer(broken)
  t.equal((await send()).status, 502, 'an attempt that did nothing forgets nothing')
  provider.answer(calling(add('b'), ['l', 'list', '{}'], add('c')), broken)
  t.equal((await send()).status, 502, 'the third attempt fails')
  provider.answer(calling(['d', 'add', '{ "title" : "milk" }'], add('e'), add('f')), saying('Three.'))
  const { body } = await send()
  const calls = [
    {
      id: 'd',
      name: 'add',
      arguments: { title: 'milk' },
      status: 'completed',
      result: { id: 1, title: 'milk' },
      replayed: true,
    },
    {
      id: 'e',
      name: 'add',
      arguments: { title: 'milk' },
      status: 'completed',
      result: { id: 2, title: 'milk' },
      replayed: true,
    },
    {
      id: 'f',
      name: 'add',
      arguments: { title: 'milk' },
      status: 'completed',
      result: { id: 3, title: 'milk' },
    },
  ]
  t.same(plain(body.tool_calls), calls, 'what was done is replayed, and only the new call is made')
  const named = (name: string) => tools.calls.filter((call) => call.name === name)
  t.equal(named('add').length, 3, 'each addition is made once')
  t.equal(named('list').length, 2, 'what only reads is read again')
  t.equal(new Set(named('add').map(({ key }) => key)).size, 3, 'and each call has a key of its own')
  t.equal(new Set(named('list').map(({ key }) => key)).size, 1, 'the same in every attempt')
  t.match((await send()).body.tool_calls, body.tool_calls, 'and all of it is replayed with the turn')
})

t.test('between two steps a provider is asked again as before the first', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools)
  app.provider.answer(calling(add('a')), refuse(503, {}), saying('Done.'))
  const { response } = await app.chat('go')
  t.equal(response, 'Done.', 'the turn completes')
  t.equal(tools.calls.length, 1, 'the tool is called once')
  t.same(sent(app, 1), sent(app, 2), 'the same request is sent again')
})

t.test('a turn whose attempts have done too much to carry along is not tried again', async (t) => {
  const result = 'x'.repeat(1_500_000)
  const tools = localTools({ write: { work: () => result } })
  let asked = 0
  const model: Model = {
    name: 'restless',
    callsTools: true,
    async *run({ steps = [] }) {
      if (steps.length > 0) throw new Error('as asked')
      asked += 1
      yield { type: 'tool-call', id: 'a', name: 'write', arguments: { asked } }
      yield { ...done, continuation: {} }
    },
  }
  const { call, db } = await testApp(t, { model, tools })
  const send = () =>
    call('POST', '/api/alice/chat', { body: { message: 'go' }, headers: { 'idempotency-key': 'k' } })
  for (let attempt = 1; attempt <= 4; attempt += 1) await send()
  t.equal(asked, 4, 'each attempt asks the model')
  const last = await send()
  t.equal(asked, 4, 'the next retry asks no model')
  t.match(last, { status: 502, body: { code: 'model-failed' } }, 'its last end is told again')
  const { conversation_id } = last.body
  const [key] = await db.asUser(
    'alice',
    (sql) => sql<{ hash: string; fingerprint: string }[]>`
      select encode(key_hash, 'hex') as hash, encode(fingerprint, 'hex') as fingerprint
      from colloquy.idempotency_keys`,
  )
  const { hash: keyHash = '', fingerprint = '' } = key ?? {}
  const again = await begin(db, newTurn({ idempotency: { keyHash, fingerprint } }))
  t.equal(again.outcome, 'ended', 'no further attempt begins')
  t.ok(JSON.stringify(again).length < 1_000, 'and nobody is sent all that they have done')
  // It takes a page of its own.
  const { body } = await call('GET', `/api/alice/conversations/${conversation_id}/messages?order=desc`)
  t.match(body.data[0].tool_calls, [{ arguments: { asked: 4 }, result }], 'and stays stored')
  t.equal(tools.calls.length, 4, 'each attempt called the tool')
  await call('POST', '/api/alice/chat', { body: { message: 'next', conversation_id } })
  t.equal(asked, 5, 'the conversation goes on')
})

t.test('a call that failed keeps its key when it is made again, and no other call gets it', async (t) => {
  let calls = 0
  const tools = localTools({
    add: {
      work: () => {
        calls += 1
        if (calls === 1) throw new ToolError('Busy.')
        return calls
      },
    },
  })
  const app = await appWith(t, tools)
  const send = () =>
    app.call('POST', '/api/alice/chat', { body: { message: 'go' }, headers: { 'idempotency-key': 'k' } })
  app.provider.answer(calling(add('a')), calling(add('b')), refuse(400, { error: { message: 'no' } }))
  t.equal((await send()).status, 502, 'the first attempt fails')
  app.provider.answer(calling(add('c'), add('d')), saying('Done.'))
  const { body } = await send()
  t.same(
    body.tool_calls.map(({ result, replayed }: ToolCall) => [result, replayed]),
    [
      [2, true],
      [3, undefined],
    ],
    'the call that succeeded is replayed, and the new one is made',
  )
  const [failed, again, other] = tools.calls.map(({ key }) => key)
  t.equal(again, failed, 'the failed call is repeated under its key')
  t.not(other, failed, 'the new call has another key')
  t.equal(tools.calls.length, 3, 'nothing is called a second time without need')
})
