import t from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { providerKey } from '../helpers/provider-app.js'
import { chatCompletions, openaiResponses } from '../helpers/provider-wire.js'
import { runColloquy, startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { events, refuse, upstream } from '../helpers/upstream.js'

t.test('serve answers with the model that the environment names, and never prints the key', async (t) => {
  const { url } = await testDatabase(t)
  const provider = await upstream(t)
  const server = await startServer(t, {
    env: {
      DATABASE_URL: url,
      BETTER_AUTH_SECRET: SECRET,
      LOG_LEVEL: 'trace',
      CHAT_MODEL: 'openai-compatible/m',
      CHAT_MODELS: 'openai-compatible/n, anthropic/claude-x, openai/o3',
      CHAT_SYSTEM_PROMPT: 'Be kind.',
      CHAT_TEMPERATURE: '0.2',
      CHAT_MAX_OUTPUT_TOKENS: '50',
      OPENAI_COMPATIBLE_BASE_URL: `${provider.url}/v1/`,
      OPENAI_COMPATIBLE_API_KEY: providerKey,
      OPENAI_API_KEY: providerKey,
      OPENAI_BASE_URL: `${provider.url}/openai`,
      ANTHROPIC_API_KEY: providerKey,
      ANTHROPIC_BASE_URL: `${provider.url}/anthropic`,
    },
  })
  const send = async (body: object) => {
    const answer = await fetch(`${server.url}/api/alice/chat`, {
      method: 'POST',
      headers: { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: await answer.json() }
  }
  provider.answer(events(...chatCompletions.answer('Hello')))
  t.match(
    await send({ message: 'hi' }),
    { status: 200, body: { response: 'Hello', model: 'openai-compatible/m' } },
    'the configured model answers',
  )
  t.match(
    provider.requests[0],
    {
      path: '/v1/chat/completions',
      headers: { authorization: `Bearer ${providerKey}` },
      body: {
        model: 'm',
        temperature: 0.2,
        max_tokens: 50,
        messages: [{ content: 'Be kind.' }, { content: 'hi' }],
      },
    },
    'the provider is asked with the configured key, prompt and limits',
  )
  await send({ message: 'hi', model: 'openai-compatible/n' })
  t.match(provider.requests[1]?.body, { model: 'n' }, 'a request may choose another model')
  provider.answer(refuse(401, { error: { message: providerKey, type: providerKey } }))
  const refused = await send({ message: 'hi', model: 'anthropic/claude-x' })
  t.match(
    refused,
    { status: 502, body: { code: 'model-unauthorized' } },
    'a refused key is an error of the model',
  )
  t.match(
    provider.requests[2],
    { path: '/anthropic/messages', headers: { 'x-api-key': providerKey } },
    'each provider gets its own key, at its own address',
  )
  // A model that knows no temperature, about which the SDK would print a warning.
  provider.answer(events(...openaiResponses.answer('Hello')))
  t.match(
    await send({ message: 'hi', model: 'openai/o3' }),
    { status: 200, body: { response: 'Hello' } },
    'a model without a temperature answers',
  )
  t.equal(provider.requests[3]?.body.temperature, undefined, 'and is not sent one')
  await server.end()
  const lines = server.output().trim().split('\n')
  t.same(
    lines.filter((line) => !line.startsWith('{')),
    [],
    'all that is printed is the log',
  )
  t.match(server.output(), /the provider failed \(401\)/, 'the log says that the provider failed')
  t.notMatch(server.output(), /kEpT/, 'and does not show the key')
})

t.test('a key that is missing stops the start, and the message names its variable', async (t) => {
  const { url } = await testDatabase(t)
  const env = { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET, CHAT_MODEL: 'google/gemini-x' }
  const { code, stderr } = await runColloquy(['serve'], { env })
  t.same(
    [code, stderr],
    [1, 'GOOGLE_GENERATIVE_AI_API_KEY must be set: CHAT_MODEL or CHAT_MODELS names a model of google.\n'],
    'one line names the variable',
  )
})

t.test('a key that no header takes stops the start, and is not shown', async (t) => {
  const { url } = await testDatabase(t)
  const env = { DATABASE_URL: url, BETTER_AUTH_SECRET: SECRET, CHAT_MODEL: 'openai/gpt-x' }
  for (const command of ['serve', 'doctor']) {
    const { code, stdout, stderr } = await runColloquy([command], {
      env: { ...env, OPENAI_API_KEY: `${providerKey}\n${providerKey}` },
    })
    t.equal(code, 1, `${command} ends with 1`)
    t.match(
      stdout + stderr,
      /OPENAI_API_KEY must be a key that fits in a header: no line break/,
      'the reason is said',
    )
    t.notMatch(stdout + stderr, /kEpT/, 'the key is not shown')
  }
})
