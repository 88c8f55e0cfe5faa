import t from 'tap'
import { openModel } from '../../src/models/open-model.js'
import { testApp } from '../helpers/app.js'
import { credentialsFor, modelSettings, providerApp } from '../helpers/provider-app.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { type Thought, thinking, thinkingProviders } from '../helpers/reasoning-wire.js'
import { textOf, turnOf } from '../helpers/stream.js'
import { add, tasks } from '../helpers/tool-turns.js'
import { events, upstream } from '../helpers/upstream.js'

const think = (reasoning: string, answer: Pick<Thought, 'call' | 'text'>): Thought => ({
  reasoning,
  mark: `mark-of-${reasoning}`,
  ...answer,
})
const turn = [
  think('first', { call: add('a') }),
  think('second', { call: add('b', 'bread') }),
  think('third', { text: 'Added.' }),
]
const list = '/api/alice/conversations'

for (const [name, provider] of Object.entries(thinkingProviders)) {
  t.test(`${name}: a provider that wants its reasoning back gets it in later turns`, async (t) => {
    const app = await providerApp(t, provider.model, {}, { tools: tasks() })
    app.provider.answer(...turn.map((thought) => thinking(provider, thought)))
    const { conversation_id } = await app.chat('add two')
    app.provider.answer(thinking(provider, think('fourth', { text: 'Yes.' })))
    t.match(await app.chat('sure?', { conversation_id }), { response: 'Yes.' }, 'the second turn is answered')
    const { response } = await app.chat('really?', { conversation_id })
    t.equal(response, 'Yes.', 'and the third')
    const seen = provider.seen(app.provider.requests.at(-1)?.body)
    t.ok(seen.length >= 2 && seen.every(Boolean), 'every answer comes with its reasoning')

    t.match(
      (await app.call('GET', `${list}/${conversation_id}/messages?include=reasoning`)).text,
      /^((?!first|mark-of).)*$/,
      'nobody is shown it who has not asked for it to be kept',
    )
    t.match(await app.dump(), /mark-of-|first/, 'it is stored with the answer')
    await app.call('DELETE', `${list}/${conversation_id}`)
    t.notMatch(await app.dump(), /mark-of-|first/, 'and goes with it')
  })
}

t.test('another model gets the calls in a form that every provider takes', async (t) => {
  const { deepseek, anthropic } = thinkingProviders
  const [first, second] = [await upstream(t), await upstream(t)]
  const open = (name: string, url: string) =>
    openModel(name, {
      ...modelSettings,
      credentials: credentialsFor(name.startsWith('anthropic') ? 'anthropic' : 'openai-compatible', url),
    })
  const other = await open(deepseek.model, second.url)
  const app = await testApp(t, {
    model: await open(anthropic.model, first.url),
    otherModels: [other],
    tools: tasks(),
  })
  first.answer(...turn.map((thought) => thinking(anthropic, thought)))
  const { conversation_id } = await app.chat('add two')
  second.answer(events(...deepseek.respond(think('hm', { text: 'Two.' }))))
  const { status, body } = await app.call('POST', '/api/alice/chat', {
    body: { message: 'how many?', conversation_id, model: deepseek.model },
  })
  t.match({ status, body }, { status: 200, body: { response: 'Two.' } }, 'the other model answers')
  const { messages } = second.requests[0]?.body ?? {}
  t.same(
    messages.map(({ role }: { role: string }) => role),
    ['user', 'assistant', 'user'],
    'it sees no call of the other',
  )
  t.match(
    messages[1].content,
    /add with \{"title":"milk"\}; result: \{"id":1,"title":"milk"\}[\s\S]*bread[\s\S]*Added\.$/,
    'but what was called, with what and with which result',
  )
  t.notOk('reasoning_content' in messages[1], 'and not the reasoning of the other')

  // A withdrawn model's turns are given to the one that is left.
  const rest = await testApp(t, { model: other, tools: tasks(), databaseUrl: app.databaseUrl })
  t.match(
    await rest.chat('and now?', { conversation_id }),
    { response: 'Two.' },
    'nor does a withdrawn one harm',
  )
})

t.test('what takes too much of the window is not kept, and the conversation goes on', async (t) => {
  const { deepseek } = thinkingProviders
  const app = await providerApp(t, deepseek.model, {}, { tools: tasks() })
  const long = 'Let me see. '.repeat(2_000)
  app.provider.answer(
    thinking(deepseek, think(long, { call: add('a') })),
    thinking(deepseek, think('done', { text: 'Added.' })),
  )
  const { conversation_id } = await app.chat('add milk')
  app.provider.answer(events(...deepseek.respond(think('hm', { text: 'Yes.' }))))
  t.match(await app.chat('sure?', { conversation_id }), { response: 'Yes.' }, 'the next turn is answered')
  const messages = app.provider.requests.at(-1)?.body.messages
  t.match(
    messages,
    [
      { content: 'add milk' },
      { content: /add with[\s\S]*Added\.$/, tool_calls: undefined },
      { content: 'sure?' },
    ],
    'it is told of the call, without the reasoning and so not as a call',
  )
  t.notMatch(await app.dump(), /Let me see/, 'what was too long is not stored')
})

t.test(
  'a cancelled turn, and one that another attempt has answered, keep what later turns need',
  async (t) => {
    const { deepseek } = thinkingProviders
    const app = await providerApp(t, deepseek.model, {}, { tools: tasks() })
    const hanging = events(...deepseek.respond(think('more', { text: 'I have' })).slice(0, -3), 'HANG')
    app.provider.answer(thinking(deepseek, think('first', { call: add('a') })), hanging)
    const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'add milk' } })
    await stream.until(({ event }) => event !== '[DONE]' && event.type === 'text-delta')
    const { turn_id, conversation_id } = await turnOf(stream)
    await app.call('POST', `/api/alice/turns/${turn_id}/cancel`)
    app.provider.answer(events(...deepseek.respond(think('hm', { text: 'Yes.' }))))
    t.match(await app.chat('sure?', { conversation_id }), { response: 'Yes.' }, 'the next turn is answered')
    t.match(
      app.provider.requests.at(-1)?.body.messages,
      [
        { content: 'add milk' },
        { tool_calls: [{ id: 'a' }], reasoning_content: 'first' },
        { role: 'tool', tool_call_id: 'a' },
        { role: 'assistant', content: 'I have' },
        { content: 'sure?' },
      ],
      'the answer that was stopped follows its call',
    )
  },
)

const shown = { reasoning: true }

t.test('with CHAT_REASONING=on people see the reasoning, streamed and stored', async (t) => {
  for (const [name, provider] of Object.entries(thinkingProviders)) {
    if (name === 'geminiBehindChat') continue
    const app = await providerApp(t, provider.model, shown, { tools: tasks() })
    app.provider.answer(
      thinking(provider, think('I add it.', { call: add('a') })),
      thinking(provider, think('It is there.', { text: 'Added.' })),
    )
    const stream = await app.stream('POST', '/api/alice/chat', { body: { message: 'add milk' } })
    const said = await stream.all()
    const types = said.flatMap((event) =>
      event === '[DONE]' || event.type.endsWith('-delta') ? [] : [event.type],
    )
    const expected = [
      'start',
      'data-turn',
      'start-step',
      'reasoning-start',
      'reasoning-end',
      'tool-input-available',
      'tool-output-available',
      'finish-step',
      'start-step',
      'reasoning-start',
      'reasoning-end',
      'text-start',
      'text-end',
      'finish-step',
      'finish',
    ]
    t.same(types, expected, `${name}: the stream has its pieces in order`)
    const reasoningOf = (events: typeof said) =>
      events
        .map((event) => (event !== '[DONE]' && event.type === 'reasoning-delta' ? event.delta : ''))
        .join('')
    t.equal(reasoningOf(said), 'I add it.It is there.', `${name}: and its words`)
    const { turn_id, conversation_id } = await turnOf(stream)
    const replay = await (await app.stream('GET', `/api/alice/turns/${turn_id}/stream`)).all()
    t.same(
      replay.flatMap((event) => (event === '[DONE]' || event.type.endsWith('-delta') ? [] : [event.type])),
      expected,
      `${name}: a replay has the same order`,
    )
    t.same([reasoningOf(replay), textOf(replay)], ['I add it.It is there.', 'Added.'], `${name}: and words`)

    const read = async (query: string) =>
      (await app.call('GET', `${list}/${conversation_id}/messages${query}`)).body.data[1]
    const message = await read('?include=reasoning')
    const call = { type: 'tool-call', tool_call_id: message.tool_calls[0].id }
    const parts = [call, { type: 'text', text: 'Added.' }]
    t.same(
      message.parts,
      [
        { type: 'reasoning', text: 'I add it.' },
        call,
        { type: 'reasoning', text: 'It is there.' },
        { type: 'text', text: 'Added.' },
      ],
      `${name}: listMessages gives it to those who ask`,
    )
    t.same((await read('')).parts, parts, `${name}: and to nobody else`)
    t.same(
      (await app.call('GET', `/api/alice/messages/${message.id}?include=reasoning`)).body,
      message,
      `${name}: getMessage gives the same`,
    )
  }
})

t.test('a model that writes its reasoning into its text, in tags', async (t) => {
  const texts: [words: string[], response: string, reasoning: string][] = [
    [['<think>I greet.</think>\n\nHello'], 'Hello', 'I greet.'],
    [[...'<think>\nI greet.\n</think>\n\nHello'], 'Hello', '\nI greet.\n'],
    [
      ['\n<thi', 'nk>', 'I < 2 </th', 'e> greet', '</thi', 'nk>', '\n', ' Hello'],
      'Hello',
      'I < 2 </the> greet',
    ],
    [['<think></think>\n\nHello'], 'Hello', ''],
    [['<thinking>I greet.</thinking>Hello'], 'Hello', 'I greet.'],
    [['<think>I greet.</thinking>Hello'], 'Hello', 'I greet.'],
    [['<thinking>I greet.</th', 'ink>Hello'], 'Hello', 'I greet.'],
    [['<think>I gr</think>\n<think>', 'eet.</think>\n', ' Hello'], 'Hello', 'I greet.'],
    [['<reasoning>I greet.</reasoning>Hello'], 'Hello', 'I greet.'],
    [['<seed:think>I greet.</seed:think>Hello'], 'Hello', 'I greet.'],
    [['◁think▷I greet.◁/think▷Hello'], 'Hello', 'I greet.'],
    [['<thinker> Hello'], '<thinker> Hello', ''],
    [['[THINK]I greet.[/THINK]Hello'], 'Hello', 'I greet.'],
    [['<THINK>İ greet.</TH', 'INK>Hello'], 'Hello', 'İ greet.'],
    [['<thought>', 'I greet.</thought>', 'Hello'], 'Hello', 'I greet.'],
    [['Write <think>so</think>, ', '<think>'], 'Write <think>so</think>, <think>', ''],
    [['<', 'b>Hello'], '<b>Hello', ''],
    [['<thi'], '<thi', ''],
    [['<think>a</think>Hello <think>b</think>'], 'Hello <think>b</think>', 'a'],
  ]
  const app = await providerApp(t, 'openai-compatible/qwen3', shown)
  for (const [words, response, reasoning] of texts) {
    const what = JSON.stringify(words.join('|'))
    app.provider.answer(events(...wire.answer(...words)))
    const { message_id, ...answer } = await app.chat('hi')
    t.equal(answer.response, response, `${what}: the text`)
    const { parts } = (await app.call('GET', `/api/alice/messages/${message_id}?include=reasoning`)).body
    const told = parts.flatMap((part: { type: string; text: string }) =>
      part.type === 'reasoning' ? [part.text] : [],
    )
    t.same(told, reasoning ? [reasoning] : [], `${what}: the reasoning`)
  }
  app.provider.answer(events(...wire.answer('<think>I think, and think')))
  t.match(
    await app.call('POST', '/api/alice/chat', { body: { message: 'hi' } }),
    { status: 502, body: { code: 'model-empty-answer' } },
    'one that does nothing but think has given no answer',
  )
})

t.test('reasoning is counted', async (t) => {
  const { deepseek } = thinkingProviders
  const app = await providerApp(t, deepseek.model)
  app.provider.answer(events(...deepseek.respond(think('hm', { text: 'Hello' }))))
  const { usage, turn_id } = await app.chat('hi')
  t.equal(usage.reasoning_tokens, 4, 'in the answer')
  t.equal(
    (await app.call('GET', `/api/alice/turns/${turn_id}`)).body.usage.reasoning_tokens,
    4,
    'in its turn',
  )
  await app.chat('hi')
  t.equal((await app.call('GET', '/api/alice/usage')).body.data[0].reasoning_tokens, 8, "in the user's usage")
})

t.test('the reasoning of a model that never stops is cut, and its answer is not', async (t) => {
  const app = await providerApp(t, 'openai-compatible/m', shown)
  const piece = 'x'.repeat(100_000)
  app.provider.answer(
    events(
      wire.begin,
      wire.reasoning(piece),
      wire.reasoning(piece),
      wire.reasoning(piece),
      ...wire.answer('Hi'),
    ),
  )
  const { message_id, response } = await app.chat('hi')
  t.equal(response, 'Hi', 'the answer is whole')
  const { parts } = (await app.call('GET', `/api/alice/messages/${message_id}?include=reasoning`)).body
  t.equal(parts[0].text.length, 250_000, 'so much of the reasoning is kept')
})
