/** A node of ChatGPT's tree. */
const node = (id: string, parent: string | null, message: object | null) => [
  id,
  { id, parent, children: [], message: message && { id, create_time: 1_700_000_000.5, ...message } },
]
const text = (role: string, ...parts: unknown[]) => ({
  author: { role },
  content: { content_type: 'text', parts },
})

/** Of ChatGPT: a tree with an old branch, a tool and images; and a conversation without messages. */
export const chatGpt = [
  {
    title: ' Trip to\u0000 Rome ',
    create_time: 1_700_000_000,
    conversation_id: 'c-1',
    current_node: 'a2',
    mapping: Object.fromEntries([
      node('root', null, null),
      node('sys', 'root', text('system', '')),
      node('q1', 'sys', text('user', 'Where to?')),
      node('old', 'q1', text('assistant', 'To Paris.')),
      node('a1', 'q1', text('assistant', 'To Rome.')),
      node('tool', 'a1', { ...text('assistant', 'search("rome")'), recipient: 'browser' }),
      node('found', 'tool', text('tool', 'Rome is old.')),
      node('a1b', 'found', text('assistant', 'It is old.')),
      node('pic', 'a1b', {
        author: { role: 'user' },
        content: { content_type: 'multimodal_text', parts: [{ content_type: 'image_asset_pointer' }] },
      }),
      node('q2', 'pic', {
        author: { role: 'user' },
        content: { content_type: 'multimodal_text', parts: [{ asset_pointer: 'x' }, 'And this?'] },
      }),
      node('a2', 'q2', text('assistant', 'A church.')),
    ]),
  },
  { title: 'nothing', create_time: 1_700_000_000, id: 'c-2', mapping: {} },
]

/** Of Claude: messages of blocks, and as older exports have them. */
export const claude = [
  {
    uuid: 'k-1',
    name: '',
    created_at: '2026-03-04T05:06:07.890123Z',
    account: { uuid: 'x' },
    chat_messages: [
      { uuid: 'm-1', sender: 'human', text: 'Hello', content: [{ type: 'text', text: 'Hello' }] },
      {
        uuid: 'm-2',
        sender: 'assistant',
        text: '',
        content: [
          { type: 'thinking', thinking: 'hm' },
          { type: 'text', text: 'Hi.' },
          { type: 'tool_use', name: 'x' },
          { type: 'text', text: 'There.' },
        ],
        created_at: '2026-03-04T05:06:09.000Z',
      },
      { uuid: 'm-3', sender: 'human', text: 'of an older export', created_at: 'nonsense' },
    ],
  },
]
