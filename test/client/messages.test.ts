import t from 'tap'
import { type Message, toUIMessages } from '../../src/client/messages.js'

const message = (changes: Partial<Message>): Message => ({
  id: '019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f',
  conversation_id: '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e',
  turn_id: '019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50',
  position: 2,
  parent_id: null,
  sibling_count: 1,
  sibling_ids: ['019a0c4e-7b7a-7c14-a2bb-1a2b3c4d5e6f'],
  role: 'assistant',
  status: 'completed',
  content: '',
  parts: [],
  tool_calls: [],
  finish_reason: 'stop',
  error: null,
  created_at: '2026-11-21T09:30:00.000Z',
  ...changes,
})

t.test('a loaded message has its parts in the order of the answer', async (t) => {
  const call = { id: 'a', name: 'add', arguments: { title: 'milk' }, status: 'completed', duration_ms: 1 }
  const [shown] = toUIMessages([
    message({
      content: 'Let me see.\n\nDone.',
      parts: [
        { type: 'reasoning', text: 'They want milk.' },
        { type: 'text', text: 'Let me see.' },
        { type: 'tool-call', tool_call_id: 'a' },
        { type: 'tool-call', tool_call_id: 'b' },
        { type: 'text', text: '\n\nDone.' },
        { type: 'file', url: '/f/1', media_type: 'image/png', filename: 'milk.png' },
      ],
      tool_calls: [
        { ...call, result: { id: 1 } },
        { ...call, id: 'b', status: 'failed', error: 'no' },
      ],
    }),
  ])
  const tool = { type: 'dynamic-tool', toolName: 'add', input: { title: 'milk' } }
  t.same(
    shown?.parts,
    [
      { type: 'reasoning', text: 'They want milk.' },
      { type: 'text', text: 'Let me see.' },
      { ...tool, toolCallId: 'a', state: 'output-available', output: { id: 1 } },
      { ...tool, toolCallId: 'b', state: 'output-error', errorText: 'no' },
      { type: 'text', text: '\n\nDone.' },
      { type: 'file', url: '/f/1', mediaType: 'image/png', filename: 'milk.png' },
    ],
    'each kind of part is as useChat shows it',
  )
})

t.test('what a later server says more is passed over', async (t) => {
  const [shown] = toUIMessages([
    message({
      role: 'summary',
      status: 'paused',
      finish_reason: 'tired',
      turn_id: null,
      parts: [
        { type: 'hologram' },
        { type: 'text', text: 'hi' },
        { type: 'tool-call', tool_call_id: 'unknown' },
      ],
    }),
  ])
  t.match(
    shown,
    { role: 'system', metadata: { status: 'paused', finish_reason: 'tired' } },
    'another role, another status',
  )
  t.same(shown?.parts, [{ type: 'text', text: 'hi' }], 'the parts that are known')
})
