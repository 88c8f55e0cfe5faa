import t from 'tap'
import type { Json } from '../helpers/app.js'
import { providerApp } from '../helpers/provider-app.js'
import { anthropicMessages, data } from '../helpers/provider-wire.js'
import { tasks } from '../helpers/tool-turns.js'
import { events } from '../helpers/upstream.js'

const start = {
  type: 'message_start',
  message: { id: 'm', type: 'message', role: 'assistant', model: 'claude', content: [], usage: {} },
}
/** What the model writes, in order: each block with its deltas. */
const blocks: [block: object, ...deltas: object[]][] = [
  [{ type: 'redacted_thinking', data: 'opaque' }],
  [
    { type: 'thinking', thinking: '' },
    { type: 'thinking_delta', thinking: 'First.' },
    { type: 'signature_delta', signature: 'one' },
  ],
  [
    { type: 'text', text: '' },
    { type: 'text_delta', text: 'I add two.' },
  ],
  [
    { type: 'thinking', thinking: '' },
    { type: 'signature_delta', signature: 'two' },
  ],
  [
    { type: 'thinking', thinking: '' },
    { type: 'thinking_delta', thinking: 'Unsigned.' },
  ],
  ...['milk', 'bread'].map((title): [object, object] => [
    { type: 'tool_use', id: title, name: 'add', input: {} },
    { type: 'input_json_delta', partial_json: JSON.stringify({ title }) },
  ]),
]
const calling = [
  start,
  ...blocks.flatMap(([content_block, ...deltas], index) => [
    { type: 'content_block_start', index, content_block },
    ...deltas.map((delta) => ({ type: 'content_block_delta', index, delta })),
    { type: 'content_block_stop', index },
  ]),
  { type: 'message_delta', delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 7 } },
  { type: 'message_stop' },
]

t.test('thinking blocks are sent back in their places, those without a signature are not', async (t) => {
  const app = await providerApp(t, 'anthropic/claude-opus-4-5', {}, { tools: tasks() })
  const saying = events(...anthropicMessages.answer('Added.'))
  app.provider.answer(events(...calling.map((event) => data(event))), saying)
  const { conversation_id } = await app.chat('add two')
  app.provider.answer(saying)
  await app.chat('sure?', { conversation_id })
  const expected = [
    { type: 'redacted_thinking', data: 'opaque' },
    { type: 'thinking', thinking: 'First.', signature: 'one' },
    { type: 'text', text: 'I add two.' },
    { type: 'thinking', thinking: '', signature: 'two' },
    { type: 'tool_use', id: 'milk', name: 'add', input: { title: 'milk' } },
    { type: 'tool_use', id: 'bread', name: 'add', input: { title: 'bread' } },
  ]
  for (const [n, where] of [
    [-2, 'in the next step'],
    [-1, 'in the next turn'],
  ] as const) {
    const content: Json[] = app.provider.requests.at(n)?.body.messages[1].content
    t.same(
      content.map(({ cache_control: _, ...block }) => block),
      expected,
      where,
    )
  }
})
