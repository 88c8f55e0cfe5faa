import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t, { type Test } from 'tap'
import type { Json } from '../helpers/app.js'
import { type LocalTools, localTools } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import { providerApp } from '../helpers/provider-app.js'
import { type WireCall, chatCompletions as wire } from '../helpers/provider-wire.js'
import { events, refuse } from '../helpers/upstream.js'

const calling = (...calls: WireCall[]) => events(...wire.calls(...calls))
const saying = (...words: string[]) => events(...wire.answer(...words))

const appWith = (t: Test, tools: LocalTools) => providerApp(t, 'openai-compatible/m', {}, { tools })

/** What the calls of a request's messages, and their results, say. */
const told = ({ messages }: Json) =>
  messages.flatMap(({ role, tool_calls, content }: Json) => {
    if (role === 'tool') return [content]
    return (tool_calls ?? []).map((call: Json) => [call.function.name, call.function.arguments])
  })

t.test('a result that JSON or PostgreSQL cannot hold is told to the model as it is stored', async (t) => {
  const tools = localTools({
    odd: { work: () => JSON.parse('{"big":1e400,"__proto__":{"a":1},"\\u0000":"\\ud800"}') },
  })
  const app = await appWith(t, tools)
  app.provider.answer(calling(['1', 'odd', '{}']), saying('So it is.'))
  const { status, tool_calls, conversation_id } = await app.chat('What is it?')
  const clean = '{"big":null,"__proto__":{"a":1},"\uFFFD":"\uFFFD"}'
  t.equal(status, 'completed', 'the turn completes')
  t.equal(JSON.stringify(tool_calls[0].result), clean, 'the result is answered as it can be stored')
  app.provider.answer(saying('I did.'))
  t.equal((await app.chat('Did you?', { conversation_id })).status, 'completed', 'the next turn completes')
  const [, during, later] = app.provider.requests.map(({ body }) => told(body))
  const [calls, result] = during ?? []
  t.same(calls, ['odd', '{}'], 'the model is told of its call')
  t.same(JSON.parse(result), JSON.parse(clean), 'and of the same result')
  t.same(later, during, 'the next turn tells it in the same bytes')
})

t.test('arguments that are stored as others are known again by the next attempt', async (t) => {
  const tools = localTools({ add: { work: () => 'added' } })
  const app = await appWith(t, tools)
  const call: WireCall = ['1', 'add', '{"title":"a\\u0000b","count":1e400}']
  const ask = () =>
    app.call('POST', '/api/alice/chat', { body: { message: 'Add it.' }, headers: { 'idempotency-key': 'k' } })
  app.provider.answer(calling(call), refuse(400, {}))
  t.equal((await ask()).status, 502, 'the first attempt fails')
  app.provider.answer(calling(call), saying('Done.'))
  const { status, body } = await ask()
  t.equal(status, 200, 'the second attempt succeeds')
  const stored = { title: 'a\uFFFDb', count: null }
  t.match(body.tool_calls, [{ arguments: stored, result: 'added', replayed: true }], 'the call is recognised')
  t.equal(tools.calls.length, 1, 'the tool is called once')
})

t.test('arguments that are nested too deep are refused, and the turn goes on', async (t) => {
  const tools = localTools({ add: { work: () => 'added' } })
  const app = await appWith(t, tools)
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
  app.provider.answer(calling(['1', 'add', nested(90)], ['2', 'add', nested(3_000)]), saying('One of them.'))
  const { status, tool_calls } = await app.chat('Add them.')
  t.equal(status, 'completed', 'the turn completes')
  t.match(
    tool_calls,
    [{ result: 'added' }, { arguments: {}, error: 'The arguments are nested too deeply.' }],
    'only the arguments past the limit are refused',
  )
})

t.test('a tool that hangs is cut, whatever the garbage collector does meanwhile', async (t) => {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const tools = localTools({ hang: { work: () => new Promise(() => {}) } })
  const limits = { toolTimeoutMs: 500, turnTimeoutMs: 5_000 }
  const app = await providerApp(t, 'openai-compatible/m', {}, { tools, limits })
  app.provider.answer(calling(['1', 'hang', '{}']), saying('It did not answer.'))
  const chat = app.chat('Ask it.')
  await until(() => tools.calls.length === 1)
  const collecting = setInterval(collect, 50)
  t.teardown(() => clearInterval(collecting))
  t.match(
    await chat,
    {
      status: 'completed',
      tool_calls: [{ error: 'The tool gave no result within 0.5 s.' }],
    },
    'the call ends with an error, and the turn completes',
  )
})

t.test('a model that calls more tools than a turn can show is stopped', async (t) => {
  const tools = localTools({ add: { work: () => 'added' } })
  const app = await appWith(t, tools)
  const many = Array.from({ length: 1_001 }, (_, n): WireCall => [`c${n}`, 'add', '{}'])
  app.provider.answer(calling(...many))
  const { status, body } = await app.call('POST', '/api/alice/chat', { body: { message: 'Add it.' } })
  t.match([status, body.code], [502, 'model-tool-limit'], 'the turn fails')
  t.equal(tools.calls.length, 0, 'no tool is called')
  const path = `/api/alice/conversations/${body.conversation_id}/messages`
  const { tool_calls } = (await app.call('GET', path)).body.data[1]
  t.equal(tool_calls.length, 1_000, 'as many calls are stored as a turn can show')
  const withoutError = tool_calls.filter(({ error }: Json) => !error)
  t.same(withoutError, [], 'each stored call has its error')
})

t.test('a tool that a model made up is told to the next one by a name that providers take', async (t) => {
  const app = await appWith(t, localTools({ add: { work: () => 'added' } }))
  const long = 'x'.repeat(200)
  app.provider.answer(calling(['1', 'functions.add!', '{}'], ['2', long, '{}']), saying('No.'))
  const { tool_calls, conversation_id } = await app.chat('Add it.')
  t.match(tool_calls, [{ name: 'functions.add!' }, { name: long }], 'the calls keep the model’s names')
  app.provider.answer(saying('Still no.'))
  await app.chat('And now?', { conversation_id })
  for (const [n, { body }] of app.provider.requests.slice(1).entries()) {
    const error = 'There is no tool with this name.'
    const calls = [['functions_add_', '{}'], ['x'.repeat(64), '{}'], error, error]
    t.same(told(body), calls, `request ${n + 2} has names that providers take`)
  }
})
