import t, { type Test } from 'tap'
import { openModel } from '../../src/models/open-model.js'
import type { ProviderName } from '../../src/models/providers.js'
import type { Json } from '../helpers/app.js'
import { localTools } from '../helpers/local-tools.js'
import { credentialsFor, modelSettings, providerApp } from '../helpers/provider-app.js'
import { anthropicMessages, chatCompletions } from '../helpers/provider-wire.js'
import { events, upstream } from '../helpers/upstream.js'

/** The text of each marked block, in the order in which the provider reads them: tools, system prompt, messages. */
const marked = ({ tools = [], system = [], messages }: Json): string[] =>
  [...tools, ...system, ...messages.flatMap(({ content }: Json) => content)]
    .filter(({ cache_control }: Json) => cache_control !== undefined)
    .map((block: Json) => block.text ?? block.content ?? block.name)

/** The request as the provider compares it with others. */
const withoutMarks = (body: Json): string =>
  JSON.stringify([body.tools, body.system, ...body.messages], (name, value) =>
    name === 'cache_control' ? undefined : value,
  )

const open = (t: Test, provider: ProviderName, options = {}) => {
  const tools = localTools({ read: { readOnly: true, work: () => 'seven' } })
  return providerApp(t, `${provider}/m`, {}, { tools, ...options })
}

t.test('anthropic is told up to where a prompt comes again', async (t) => {
  const app = await open(t, 'anthropic', { systemPrompt: 'Be kind.' })
  app.provider.answer(events(...anthropicMessages.answer('One.')))
  const { conversation_id } = await app.chat('first')
  app.provider.answer(
    events(...anthropicMessages.calls(['a', 'read', '{}'])),
    events(...anthropicMessages.answer('Seven.')),
    events(...anthropicMessages.answer('Three.')),
  )
  await app.chat('second', { conversation_id })
  await app.chat('third', { conversation_id })
  const bodies = app.provider.requests.map(({ body }) => body)
  t.same(
    bodies.map(marked),
    [
      ['Be kind.', 'first'],
      ['Be kind.', 'One.', 'second'],
      ['Be kind.', 'One.', 'seven'],
      ['Be kind.', 'Seven.', 'third'],
    ],
    'the system prompt, the turns before, and the whole request',
  )
  t.match(bodies[0].system[0].cache_control, { type: 'ephemeral' }, 'in its words')
  for (const [n, body] of bodies.slice(1).entries()) {
    const before = withoutMarks(bodies[n]).slice(0, -1)
    t.ok(withoutMarks(body).startsWith(before), `request ${n + 1} begins with the one before`)
  }
})

t.test(
  'without a system prompt the messages are marked, and no other provider is told of marks',
  async (t) => {
    const app = await open(t, 'anthropic')
    app.provider.answer(events(...anthropicMessages.answer('One.')))
    await app.chat('first')
    t.same(marked(app.provider.requests[0]?.body), ['first'], 'the tools come before the message')
    t.equal(app.provider.requests[0]?.body.system, undefined, 'no system prompt is made up')

    const other = await open(t, 'openai-compatible', { systemPrompt: 'Be kind.' })
    other.provider.answer(events(...chatCompletions.answer('One.')))
    await other.chat('first')
    t.notMatch(JSON.stringify(other.provider.requests[0]?.body), /cache/, 'nothing is added to its request')
  },
)

t.test('a summary stands in the first message, in every provider’s words', async (t) => {
  const history = [{ user: 'one', assistant: 'One.' }]
  const { signal } = new AbortController()
  for (const provider of ['openai', 'anthropic', 'google', 'openai-compatible'] as const) {
    const server = await upstream(t)
    server.answer((response) => response.writeHead(400).end('{}'))
    const model = await openModel(`${provider}/m`, {
      ...modelSettings,
      credentials: credentialsFor(provider, server.url),
    })
    const ask = async (history: { user: string; assistant: string }[]): Promise<Json[]> => {
      const run = model.run({ system: undefined, history, summary: 'So far.', message: 'two', signal })
      await t.rejects(run[Symbol.asyncIterator]().next(), 'the provider answers nothing')
      const { messages, input, contents } = server.requests.at(-1)?.body ?? {}
      return messages ?? input ?? contents
    }
    const rolesOf = (told: Json[]) => told.map(({ role }) => role)
    const [first, ...rest] = await ask(history)
    t.match(
      JSON.stringify(first),
      /So far\.\\n<\/summary.*\\n\\none"/,
      `${provider}: before the first message`,
    )
    t.match(
      rolesOf([first, ...rest]),
      ['user', /assistant|model/, 'user'],
      `${provider}: the roles alternate`,
    )
    t.notMatch(JSON.stringify(rest), /So far/, `${provider}: once`)
    const alone = await ask([])
    t.match(
      JSON.stringify(alone),
      /So far\.\\n<\/summary.*\\n\\ntwo"/,
      `${provider}: also without earlier turns`,
    )
    t.equal(alone.length, 1, `${provider}: in one message`)
  }
})
