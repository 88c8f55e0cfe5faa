import type { Check, Context, Judged } from '../check.js'
import { parseJson } from '../parse-json.js'
import { expect, expectEqual, expectErrorAt, expectProblem } from '../samples.js'

// biome-ignore lint/suspicious/noExplicitAny: a line has the fields of its type
type Line = any

const linesOf = ({ response }: Judged): Line[] =>
  (response?.text ?? '').split('\n').slice(0, -1).map(parseJson)

/** Each conversation once, before its messages, which are in order; the header first and the end last. */
const expectOrder = (lines: Line[], exported: Judged): void => {
  const promise = 'exportUser: each conversation by its id, followed by its messages by position'
  expectEqual(lines[0]?.type, 'export', 'the type of the first line', promise, exported)
  expectEqual(lines.at(-1)?.type, 'end', 'the type of the last line', promise, exported)
  const keys = lines
    .filter(({ type }) => type === 'conversation' || type === 'message')
    .map(({ conversation, message }) =>
      conversation
        ? `${conversation.id} 0`
        : `${message.conversation_id} ${String(message.position).padStart(10, '0')}`,
    )
  expectEqual(keys, [...new Set(keys)].sort(), 'the order of the lines', promise, exported)
}

const exports = async (context: Context): Promise<void> => {
  const { conversation_id } = await context.turn()
  const exported = await context.call('exportUser', { expect: 200 })
  const lines = linesOf(exported)
  expectOrder(lines, exported)
  const query = { include: ['reasoning'], limit: 100 }
  const listed = await context.call('listMessages', { path: { conversation_id }, query, expect: 200 })
  const messages = lines
    .filter(({ message }) => message?.conversation_id === conversation_id)
    .map(({ message }) => message)
  expectEqual(messages, listed.json.data, 'the messages of the export', 'exportUser: its messages', exported)
  expect(
    lines.some(({ type, conversation }) => type === 'conversation' && conversation.id === conversation_id),
    'the conversation has no line',
    'exportUser: each conversation',
    exported,
  )
  expect(
    lines.some(({ type }) => type === 'usage'),
    'there is no usage',
    'exportUser: the usage',
    exported,
  )
}

const resumes = async (context: Context): Promise<void> => {
  await context.turn()
  const whole = await context.call('exportUser', { expect: 200 })
  const lines = linesOf(whole)
  const after = lines.slice(1, -1)
  for (const at of new Set([0, after.length >> 1, after.length - 1])) {
    const { cursor } = after[at]
    const rest = await context.call('exportUser', { query: { cursor }, expect: 200 })
    const [header, ...others] = linesOf(rest)
    expectEqual(header?.as_of, lines[0].as_of, 'as_of', 'exportUser: as of the same moment', rest)
    const missing = after.slice(at + 1).filter(({ message }) => message)
    const messages = others.filter(({ message }) => message)
    expectEqual(
      messages.map(({ message }) => message.id),
      missing.map(({ message }) => message.id),
      'the messages after the cursor',
      'exportUser: goes on after it',
      rest,
    )
  }
  const changed = `${after[0].cursor.slice(0, -1)}${after[0].cursor.endsWith('A') ? 'B' : 'A'}`
  const options = { query: { cursor: changed } }
  const refused = await expectProblem(context, 'exportUser', options, 422, 'validation-failed')
  expectErrorAt(refused, '/query/cursor')
}

const one = async (context: Context): Promise<void> => {
  const { conversation_id } = await context.turn()
  const path = { conversation_id }
  const json = await context.call('exportConversation', { path, expect: 200 })
  const listed = await context.call('listMessages', {
    path,
    query: { include: ['reasoning'], limit: 100 },
    expect: 200,
  })
  expectEqual(json.json.messages, listed.json.data, 'its messages', 'exportConversation: json', json)
  expectEqual(json.json.conversation.id, conversation_id, 'its id', 'exportConversation: json', json)
  const markdown = await context.call('exportConversation', {
    path,
    query: { format: 'markdown' },
    expect: 200,
  })
  const { text = '', headers = {} } = markdown.response ?? {}
  expect(
    headers['content-type']?.startsWith('text/markdown') === true,
    `its media type is ${headers['content-type']}`,
    'exportConversation: markdown',
    markdown,
  )
  for (const { content } of listed.json.data)
    expect(text.includes(content.trim()), 'a message is missing', 'exportConversation: markdown', markdown)
}

/** Taking data away. */
export const exportChecks: Check[] = [
  {
    id: 'export.lines',
    title: 'an export has each conversation with its messages, and the usage',
    operation: 'exportUser',
    run: exports,
  },
  {
    id: 'export.resume',
    title: 'an export goes on after the line of a cursor',
    operation: 'exportUser',
    run: resumes,
  },
  {
    id: 'export.conversation',
    title: 'a conversation is exported as JSON and as Markdown',
    operation: 'exportConversation',
    run: one,
  },
]
