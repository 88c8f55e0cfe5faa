import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import type { Json } from '../helpers/app.js'
import { providerApp } from '../helpers/provider-app.js'
import { data, chatCompletions as wire } from '../helpers/provider-wire.js'
import { add, tasks } from '../helpers/tool-turns.js'
import { events, type Reply, refuse } from '../helpers/upstream.js'

/** Servers of chat completions tell reasoning in fields of their own, and refuse or miss them in another's. */

const chunk = (delta: object) => data({ choices: [{ index: 0, delta, finish_reason: null }] })
const [id, name, args] = add('a')
const call = { index: 0, id, type: 'function', function: { name, arguments: args } }
const whole = (message: object, finish_reason: string) =>
  data({ choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason }] })

/** The fields of the assistant's messages in a request, but what all have. */
const fieldsOf = (body: Json): Json[] =>
  body.messages
    .filter(({ role }: Json) => role === 'assistant')
    .map(({ role: _, content: _content, tool_calls: _calls, ...fields }: Json) => fields)

const details = [
  { type: 'reasoning.text', text: 'I add', index: 0, format: 'anthropic-claude-v1' },
  { type: 'reasoning.text', text: ' it.', index: 0, format: 'anthropic-claude-v1' },
  { type: 'reasoning.text', signature: 'signed', index: 0, format: 'anthropic-claude-v1' },
  { type: 'reasoning.encrypted', data: 'opaque', id: 'a', index: 1, format: 'google-gemini-v1' },
]

const servers: [what: string, calling: string[], fields: object][] = [
  [
    'a server that says reasoning (Groq, Cerebras, vLLM)',
    [chunk({ reasoning: 'I add' }), chunk({ reasoning: ' it.' }), chunk({ tool_calls: [call] })],
    { reasoning: 'I add it.' },
  ],
  [
    'one that sends the whole message in one event',
    [whole({ reasoning_content: 'I add it.', tool_calls: [call] }, 'tool_calls')],
    { reasoning_content: 'I add it.' },
  ],
  [
    'one whose model had nothing to think of (DeepSeek)',
    [chunk({ content: null, reasoning_content: '' }), chunk({ tool_calls: [call] })],
    { reasoning_content: '' },
  ],
  [
    'one whose other field is empty',
    [chunk({ reasoning_content: '', reasoning: 'I add it.' }), chunk({ tool_calls: [call] })],
    { reasoning: 'I add it.' },
  ],
  [
    'one with details (OpenRouter)',
    [
      ...details.map((detail) => chunk({ reasoning: detail.text ?? null, reasoning_details: [detail] })),
      chunk({ tool_calls: [call] }),
    ],
    {
      reasoning: 'I add it.',
      reasoning_details: [
        {
          type: 'reasoning.text',
          text: 'I add it.',
          signature: 'signed',
          index: 0,
          format: 'anthropic-claude-v1',
        },
        details[3],
      ],
    },
  ],
  [
    'one that says thinking',
    [chunk({ thinking: 'I add' }), chunk({ thinking: ' it.' }), chunk({ tool_calls: [call] })],
    { thinking: 'I add it.' },
  ],
  [
    'one with blocks (LiteLLM)',
    [
      chunk({ reasoning_content: 'I add', thinking_blocks: [{ type: 'thinking', thinking: 'I add' }] }),
      chunk({ reasoning_content: ' it.', thinking_blocks: [{ type: 'thinking', thinking: ' it.' }] }),
      chunk({ thinking_blocks: [{ type: 'thinking', thinking: '', signature: 'signed' }] }),
      chunk({ thinking_blocks: [{ type: 'redacted_thinking', data: 'opaque' }] }),
      chunk({ tool_calls: [call] }),
    ],
    {
      reasoning_content: 'I add it.',
      thinking_blocks: [
        { type: 'thinking', thinking: 'I add it.', signature: 'signed' },
        { type: 'redacted_thinking', data: 'opaque' },
      ],
    },
  ],
  [
    'one that writes tags into the text',
    [chunk({ content: '<think>I add it.</think>' }), chunk({ tool_calls: [call] })],
    {},
  ],
  [
    'one whose text is a list of parts (Mistral)',
    [
      chunk({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'I add it.' }] }] }),
      chunk({ tool_calls: [call] }),
    ],
    {},
  ],
  ['one whose field is no text', [chunk({ reasoning: { effort: 1 }, tool_calls: [call] })], {}],
]

for (const [what, calling, fields] of servers) {
  t.test(`${what} gets its model's reasoning as it came`, async (t) => {
    const app = await providerApp(t, 'openai-compatible/m', {}, { tools: tasks() })
    const strict =
      (...answer: string[]): Reply =>
      (response, request) => {
        const told = fieldsOf(request.body)[0] ?? fields
        const isSame = isDeepStrictEqual(told, fields)
        const reply = isSame
          ? events(...answer)
          : refuse(400, { error: { message: `unsupported: ${JSON.stringify(told)}` } })
        reply(response, request)
      }
    app.provider.answer(
      events(...calling, wire.finish('tool_calls'), wire.done),
      strict(...wire.answer('Ok')),
    )
    const { conversation_id } = await app.chat('add milk')
    t.same(fieldsOf(app.provider.requests.at(-1)?.body), [fields], 'in the next step')
    app.provider.answer(strict(...wire.answer('Yes.')))
    t.match(await app.chat('sure?', { conversation_id }), { response: 'Yes.' }, 'the next turn is answered')
    t.same(fieldsOf(app.provider.requests.at(-1)?.body), [fields, {}], 'in the next turn')
  })
}
