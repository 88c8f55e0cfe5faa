import t, { type Test } from 'tap'
import type { Model, ToolCall, Usage } from '../../src/models/model.js'
import { type Json, type TestAppOptions, testApp } from '../helpers/app.js'
import { type LocalTools, localTools, refusing } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import { type ProviderApp, providerApp } from '../helpers/provider-app.js'
import { type WireCall, chatCompletions as wire } from '../helpers/provider-wire.js'
import { turnOf } from '../helpers/stream.js'
import { events, refuse } from '../helpers/upstream.js'

const noUsage: Usage = {
  input_tokens: null,
  output_tokens: null,
  cached_input_tokens: null,
  total_tokens: null,
}
const model = 'openai-compatible/m'
const calling = (...calls: WireCall[]) => events(...wire.calls(...calls))
const saying = (...words: string[]) => events(...wire.answer(...words))
const add = (id: string, title = 'milk'): WireCall => [id, 'add', JSON.stringify({ title })]

/** `add` counts from 1, `list` reads. */
const tasks = (): LocalTools => {
  let last = 0
  return localTools({
    add: {
      work: ({ title }) => {
        last += 1
        return { id: last, title }
      },
    },
    list: { readOnly: true, work: () => ({ count: last }) },
  })
}

const appWith = (t: Test, tools: LocalTools, limits: TestAppOptions['limits'] = {}): Promise<ProviderApp> =>
  providerApp(t, model, {}, { tools, limits })

const plain = (calls: ToolCall[]) => calls.map(({ duration_ms: _, ...call }) => call)

/** What the provider was sent the nth time, past the system prompt. */
const sent = (app: ProviderApp, n: number): Json => app.provider.requests.at(n)?.body.messages

t.test(
  'a call is made, its result is given to the model, and all of it is stored and answered',
  async (t) => {
    const tools = tasks()
    const app = await appWith(t, tools)
    app.provider.answer(calling(add('call_a')), saying('Milk is ', 'on your list.'))
    const answer = await app.chat('Add milk.')
    const call = { id: 'call_a', name: 'add', arguments: { title: 'milk' }, result: { id: 1, title: 'milk' } }
    t.match(answer, { status: 'completed', response: 'Milk is on your list.' })
    t.same(plain(answer.tool_calls), [call])
    t.match(answer.usage, { input_tokens: 22, output_tokens: 14, total_tokens: 36 }, 'of both requests')
    t.match(tools.calls, [{ user: 'alice', name: 'add', args: { title: 'milk' }, key: /^[\da-f]{64}$/ }])

    const [first, second] = app.provider.requests.map(({ body }) => body)
    t.match(first, {
      tool_choice: 'auto',
      tools: [
        { type: 'function', function: { name: 'add', parameters: { type: 'object' } } },
        { function: { name: 'list' } },
      ],
    })
    t.same(second.messages, [
      { role: 'user', content: 'Add milk.' },
      {
        role: 'assistant',
        content: null,
        tool_calls: [
          { id: 'call_a', type: 'function', function: { name: 'add', arguments: '{"title":"milk"}' } },
        ],
      },
      { role: 'tool', tool_call_id: 'call_a', content: '{"id":1,"title":"milk"}' },
    ])
    const { body } = await app.call('GET', `/api/alice/conversations/${answer.conversation_id}/messages`)
    t.same(body.data[1].tool_calls, answer.tool_calls, 'as listMessages has them')

    app.provider.answer(saying('Yes.'))
    await app.chat('Is it?', { conversation_id: answer.conversation_id })
    t.same(
      sent(app, -1),
      [
        ...second.messages,
        { role: 'assistant', content: 'Milk is on your list.' },
        { role: 'user', content: 'Is it?' },
      ],
      'the next turn is told of the call and its result',
    )
  },
)

t.test('what is said before and after a call are two paragraphs', async (t) => {
  const app = await appWith(t, tasks())
  const talking = (text: string, ...calls: WireCall[]) =>
    events(wire.begin, wire.text(text), ...wire.calls(...calls).slice(1))
  const said = async (...texts: string[]) => {
    const [last = '', ...before] = texts.reverse()
    app.provider.answer(...before.reverse().map((text) => talking(text, add('a'))), saying(last))
    return (await app.chat('go')).response
  }
  t.equal(await said('One moment.', 'Done.'), 'One moment.\n\nDone.')
  t.equal(await said('One.', '', 'Two.'), 'One.\n\nTwo.')
  t.equal(await said('', 'Done.'), 'Done.')
  t.equal(await said('One\n', 'two', ' three'), 'One\ntwo three')
})

t.test('a stream shows the calls as they are made', async (t) => {
  const app = await appWith(t, tasks())
  app.provider.answer(events(...wire.calls(add('a'), ['b', 'nothing', '{}'])), saying('Done.'))
  const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'Add milk.' } })
  const all = await stream.all()
  t.same(
    all.slice(3).map((event) => (event === '[DONE]' ? event : event.type)),
    [
      'tool-input-available',
      'tool-input-available',
      'tool-output-available',
      'tool-output-error',
      'finish-step',
      'start-step',
      'text-start',
      'text-delta',
      'text-end',
      'finish-step',
      'finish',
      '[DONE]',
    ],
  )
})

t.test('calls that change something are made one after the other, those that read at once', async (t) => {
  const seen: string[] = []
  let running = 0
  const work = (name: string) => async () => {
    running += 1
    seen.push(`${name} beside ${running - 1}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    running -= 1
    return name
  }
  const tools = localTools({
    add: { work: work('add') },
    list: { readOnly: true, work: work('list') },
    find: { readOnly: true, work: work('find') },
  })
  const app = await appWith(t, tools)
  const names = ['add', 'add', 'list', 'find', 'add']
  app.provider.answer(calling(...names.map((name, n): WireCall => [`c${n}`, name, '{}'])), saying('ok'))
  const { tool_calls } = await app.chat('go')
  t.same(seen, ['add beside 0', 'add beside 0', 'list beside 0', 'find beside 1', 'add beside 0'])
  t.same(
    tool_calls.map(({ result }: ToolCall) => result),
    names,
    'each call has its own result',
  )
})

t.test('a call that fails is told to the model, and the turn goes on', async (t) => {
  const secret = 'postgres://root:pw@db'
  const tools = localTools({
    refuse: { work: refusing('There is no such task.') },
    crash: {
      work: () => {
        throw new Error(secret)
      },
    },
    hang: { work: () => new Promise(() => {}) },
    nothing: { work: () => undefined },
  })
  const app = await appWith(t, tools, { toolTimeoutMs: 200 })
  const long = JSON.stringify({ text: 'x'.repeat(65_536) })
  app.provider.answer(
    calling(
      ['1', 'refuse', '{}'],
      ['2', 'crash', '{}'],
      ['3', 'hang', '{}'],
      ['4', 'nothing', ''],
      ['5', 'unknown', '{"a":1}'],
      ['6', 'nothing', '{"a":'],
      ['7', 'nothing', '[1]'],
      ['8', 'nothing', long],
    ),
    saying('Sorry.'),
  )
  const { status, tool_calls } = await app.chat('go')
  t.equal(status, 'completed')
  t.same(
    tool_calls.map(({ error, result }: ToolCall) => error ?? { result }),
    [
      'There is no such task.',
      'The tool failed.',
      'The tool gave no result within 0.2 s.',
      { result: null },
      'There is no tool of this name.',
      'The arguments are no JSON object.',
      'The arguments are no JSON object.',
      'The arguments are longer than 65536 characters.',
    ],
  )
  t.equal(tools.calls.length, 4, 'what cannot be called is not')
  t.same(tool_calls[4].arguments, { a: 1 })
  const told = sent(app, -1).filter(({ role }: Json) => role === 'tool')
  t.same(
    told.map(({ tool_call_id }: Json) => tool_call_id),
    ['1', '2', '3', '4', '5', '6', '7', '8'],
    'every call has its answer',
  )
  t.equal(told[0].content, 'There is no such task.')
  t.notMatch(`${await app.dump()}`, secret, 'what a tool crashes with is for the log')
})

t.test('a model may be asked so often, and then has to answer', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools, { toolSteps: 3 })
  app.provider.answer(calling(add('a', '1')), calling(add('a', '2')), saying('Enough.'))
  const { response, tool_calls } = await app.chat('go')
  t.equal(response, 'Enough.')
  t.same(
    tool_calls.map(({ id }: ToolCall) => id),
    ['a', 'a_2'],
    'ids are unique in a turn, whatever the model calls them',
  )
  t.same(
    app.provider.requests.map(({ body }) => body.tool_choice),
    ['auto', 'auto', 'none'],
  )

  app.provider.answer(calling(add('b', 'for ever')))
  const { status, body } = await app.call('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.match({ status, body }, { status: 502, body: { code: 'model-tool-limit' } })
  t.equal(app.provider.requests.length, 6, 'it is not asked a fourth time')
  t.equal(tools.calls.length, 4, 'and what it asked for last is not done')
})

t.test('a model that does not heed the limit is not served', async (t) => {
  const tools = tasks()
  const deaf: Model = {
    name: 'deaf',
    callsTools: true,
    async *run() {
      yield { type: 'tool-call', id: 'a', name: 'add', arguments: {} }
      yield { type: 'finish', usage: noUsage, continuation: {} }
    },
  }
  const { call } = await testApp(t, { model: deaf, tools, limits: { toolSteps: 2 } })
  const { body } = await call('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.equal(body.code, 'model-tool-limit')
  const { body: page } = await call('GET', `/api/alice/conversations/${body.conversation_id}/messages`)
  t.match(page.data[1].tool_calls, [
    { result: { id: 1 } },
    { error: 'Not called: the limit of the turn is reached.' },
  ])
  t.equal(tools.calls.length, 1)
})

t.test('a turn may make so many calls', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools, { toolCalls: 2 })
  app.provider.answer(calling(add('a'), add('b'), add('c')), saying('Two.'))
  const { tool_calls } = await app.chat('go')
  t.equal(tools.calls.length, 2)
  t.match(tool_calls[2], { error: 'Not called: a turn may make 2 calls, and has made them.' })
  t.equal(app.provider.requests.at(-1)?.body.tool_choice, 'none')
})

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
  t.match((await stream.all()).slice(-3), [
    { type: 'tool-output-error', toolCallId: 'a', errorText: error },
    { type: 'abort' },
    '[DONE]',
  ])
  await until(() => aborted.length === 1)
  app.provider.answer(saying('Hm.'))
  await app.chat('And?', { conversation_id })
  t.match(sent(app, -1).slice(1, 4), [
    { role: 'assistant', tool_calls: [{ id: 'a' }] },
    { role: 'tool', tool_call_id: 'a', content: error },
    { role: 'assistant', content: 'Wait.' },
  ])
})

t.test('another attempt of a turn does not do again what was done', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools)
  const { provider } = app
  const send = () =>
    app.call('POST', '/api/alice/chat', { body: { message: 'go' }, headers: { 'idempotency-key': 'k' } })
  const broken = refuse(400, { error: { message: 'no' } })
  provider.answer(calling(add('a'), ['l', 'list', '{}']), broken)
  t.equal((await send()).status, 502)
  provider.answer(broken)
  t.equal((await send()).status, 502, 'an attempt that did nothing forgets nothing')
  provider.answer(calling(add('b'), ['l', 'list', '{}'], add('c')), broken)
  t.equal((await send()).status, 502)
  provider.answer(calling(['d', 'add', '{ "title" : "milk" }'], add('e'), add('f')), saying('Three.'))
  const { body } = await send()
  t.same(plain(body.tool_calls), [
    { id: 'd', name: 'add', arguments: { title: 'milk' }, result: { id: 1, title: 'milk' }, replayed: true },
    { id: 'e', name: 'add', arguments: { title: 'milk' }, result: { id: 2, title: 'milk' }, replayed: true },
    { id: 'f', name: 'add', arguments: { title: 'milk' }, result: { id: 3, title: 'milk' } },
  ])
  const named = (name: string) => tools.calls.filter((call) => call.name === name)
  t.equal(named('add').length, 3)
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
  t.equal(response, 'Done.')
  t.equal(tools.calls.length, 1)
  t.same(sent(app, 1), sent(app, 2))
})

t.test(
  'long results come shortened in later turns, which keeps the conversation in the window',
  async (t) => {
    const tools = localTools({ read: { readOnly: true, work: () => 'é'.repeat(30_000) } })
    const app = await appWith(t, tools)
    app.provider.answer(calling(['a', 'read', '{}']), saying('Long.'))
    const { conversation_id, tool_calls } = await app.chat('Read it.')
    t.equal(tool_calls[0].result.length, 30_000)
    t.equal(sent(app, -1)[2].content.length, 30_000)
    app.provider.answer(saying('Yes.'))
    await app.chat('Was it?', { conversation_id })
    t.equal(sent(app, -1)[2].content, `${'é'.repeat(4_000)} … [shortened]`)
  },
)

t.test('who calls no tools is offered none', async (t) => {
  const tools = tasks()
  const { chat } = await testApp(t, { tools })
  t.equal((await chat('hi')).response, 'Echo: hi')
  t.equal(tools.opened(), 0)
})
