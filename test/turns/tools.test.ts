import t from 'tap'
import type { Model, ToolCall } from '../../src/models/model.js'
import { type Json, testApp } from '../helpers/app.js'
import { localTools, refusing } from '../helpers/local-tools.js'
import { type WireCall, chatCompletions as wire } from '../helpers/provider-wire.js'
import { done } from '../helpers/scripted.js'
import { add, appWith, calling, plain, saying, sent, tasks } from '../helpers/tool-turns.js'
import { events } from '../helpers/upstream.js'

t.test(
  'a call is made, its result is given to the model, and all of it is stored and answered',
  async (t) => {
    const tools = tasks()
    const app = await appWith(t, tools)
    app.provider.answer(calling(add('call_a')), saying('Milk is ', 'on your list.'))
    const answer = await app.chat('Add milk.')
    const call = {
      id: 'call_a',
      name: 'add',
      arguments: { title: 'milk' },
      status: 'completed',
      result: { id: 1, title: 'milk' },
    }
    t.match(answer, { status: 'completed', response: 'Milk is on your list.' }, 'it ends with the answer')
    t.same(plain(answer.tool_calls), [call], 'the answer has the call and its result')
    t.match(answer.usage, { input_tokens: 22, output_tokens: 14, total_tokens: 36 }, 'of both requests')
    const called = { user: 'alice', name: 'add', args: { title: 'milk' }, key: /^[\da-f]{64}$/ }
    t.match(tools.calls, [called], 'the tool is called as the user, with a key')

    const [first, second] = app.provider.requests.map(({ body }) => body)
    const offered = [
      { type: 'function', function: { name: 'add', parameters: { type: 'object' } } },
      { function: { name: 'list' } },
    ]
    t.match(first, { tool_choice: 'auto', tools: offered }, 'the first request offers the tools')
    const made = { id: 'call_a', type: 'function', function: { name: 'add', arguments: '{"title":"milk"}' } }
    const exchange = [
      { role: 'user', content: 'Add milk.' },
      { role: 'assistant', content: null, tool_calls: [made] },
      { role: 'tool', tool_call_id: 'call_a', content: '{"id":1,"title":"milk"}' },
    ]
    t.same(second.messages, exchange, 'the second request has the call and its result')
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
  t.equal(await said('One moment.', 'Done.'), 'One moment.\n\nDone.', 'two texts become two paragraphs')
  t.equal(await said('One.', '', 'Two.'), 'One.\n\nTwo.', 'a step that says nothing adds no paragraph')
  t.equal(await said('', 'Done.'), 'Done.', 'no paragraph comes before the first text')
  t.equal(await said('One\n', 'two', ' three'), 'One\ntwo three', 'white space between texts is kept')
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
    'calls and results come before the text that follows',
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
  const expected = ['add beside 0', 'add beside 0', 'list beside 0', 'find beside 1', 'add beside 0']
  t.same(seen, expected, 'only calls that read run at the same time')
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
  t.equal(status, 'completed', 'the turn completes')
  t.same(
    tool_calls.map(({ error, result }: ToolCall) => error ?? { result }),
    [
      'There is no such task.',
      'The tool failed.',
      'The tool gave no result within 0.2 s.',
      { result: null },
      'There is no tool with this name.',
      'The arguments are not a JSON object.',
      'The arguments are not a JSON object.',
      'The arguments are longer than 65536 characters.',
    ],
    'each call has its result or its error',
  )
  t.equal(tools.calls.length, 4, 'what cannot be called is not')
  t.same(tool_calls[4].arguments, { a: 1 }, 'the arguments of an unknown tool are kept')
  const told = sent(app, -1).filter(({ role }: Json) => role === 'tool')
  t.same(
    told.map(({ tool_call_id }: Json) => tool_call_id),
    ['1', '2', '3', '4', '5', '6', '7', '8'],
    'every call has its answer',
  )
  t.equal(told[0].content, 'There is no such task.', 'the model is told of the error')
  t.notMatch(`${await app.dump()}`, secret, 'what a tool crashes with is for the log')
})

t.test('a model may be asked so often, and then has to answer', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools, { toolSteps: 3 })
  app.provider.answer(calling(add('a', '1')), calling(add('a', '2')), saying('Enough.'))
  const { response, tool_calls } = await app.chat('go')
  t.equal(response, 'Enough.', 'the turn ends with the answer')
  t.same(
    tool_calls.map(({ id }: ToolCall) => id),
    ['a', 'a_2'],
    'ids are unique in a turn, whatever the model calls them',
  )
  const choices = app.provider.requests.map(({ body }) => body.tool_choice)
  t.same(choices, ['auto', 'auto', 'none'], 'the last request allows no calls')

  app.provider.answer(calling(add('b', 'for ever')))
  const { status, body } = await app.call('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.match({ status, body }, { status: 502, body: { code: 'model-tool-limit' } }, 'the turn fails')
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
      yield { ...done, continuation: {} }
    },
  }
  const { call } = await testApp(t, { model: deaf, tools, limits: { toolSteps: 2 } })
  const { body } = await call('POST', '/api/alice/chat', { body: { message: 'go' } })
  t.equal(body.code, 'model-tool-limit', 'the turn fails')
  const { body: page } = await call('GET', `/api/alice/conversations/${body.conversation_id}/messages`)
  const calls = [
    { result: { id: 1 }, duration_ms: Number },
    { error: 'Not called: the limit of the turn is reached.', duration_ms: null },
  ]
  t.match(page.data[1].tool_calls, calls, 'the call past the limit is stored as not made')
  t.equal(tools.calls.length, 1, 'one call is made')
})

t.test('a turn may make so many calls', async (t) => {
  const tools = tasks()
  const app = await appWith(t, tools, { toolCalls: 2 })
  app.provider.answer(calling(add('a'), add('b'), add('c')), saying('Two.'))
  const { tool_calls } = await app.chat('go')
  t.equal(tools.calls.length, 2, 'two calls are made')
  const error = 'Not called: this turn has already made 2 calls, which is the limit.'
  t.match(tool_calls[2], { error, duration_ms: null }, 'the third is refused, and took no time')
  t.equal(app.provider.requests.at(-1)?.body.tool_choice, 'none', 'the model may make no more calls')
})

t.test('who calls no tools is offered none', async (t) => {
  const tools = tasks()
  const { chat } = await testApp(t, { tools })
  t.equal((await chat('hi')).response, 'Echo: hi', 'the turn is answered')
  t.equal(tools.opened(), 0, 'no tools are opened')
})
