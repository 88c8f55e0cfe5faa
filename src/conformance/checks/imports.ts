import type { Check, Context, Judged } from '../check.js'
import { expectEqual, expectErrorAt, expectProblem, unknownId } from '../samples.js'

const time = '2026-01-02T03:04:05.000Z'

/** An export of one conversation with a question and its answer. */
const ourFile = ({ mark }: Context): { id: string; file: string } => {
  const [id, question, answer] = [unknownId(), unknownId(), unknownId()]
  const common = { conversation_id: id, status: 'completed', created_at: time }
  const lines = [
    {
      type: 'conversation',
      conversation: {
        ...{ id, title: 'Imported', archived: false, metadata: { conformance: mark } },
        ...{ created_at: time, updated_at: time, last_turn_at: time },
      },
    },
    {
      type: 'message',
      message: { ...common, id: question, position: 1, parent_id: null, role: 'user', content: 'Why? ' },
    },
    {
      type: 'message',
      message: { ...common, id: answer, position: 2, parent_id: question, role: 'assistant', content: 'So.' },
    },
    { type: 'end' },
  ]
  return { id, file: lines.map((line) => `${JSON.stringify(line)}\n`).join('') }
}

const chatGptFile = ({ mark }: Context): string => {
  const node = (id: string, parent: string | null, role: string, text: string) => ({
    id,
    parent,
    children: [],
    message: {
      id,
      author: { role },
      create_time: 1_767_323_045,
      content: { content_type: 'text', parts: [text] },
    },
  })
  const nodes = [
    { id: 'root', parent: null, children: [], message: null },
    node('q', 'root', 'user', 'Why?'),
    node('old', 'q', 'assistant', 'Not so.'),
    node('new', 'q', 'assistant', 'So.'),
  ]
  const mapping = Object.fromEntries(nodes.map((each) => [each.id, each]))
  const rest = { create_time: 1_767_323_045, current_node: 'new', conversation_id: mark }
  return JSON.stringify([{ title: `${mark} of ChatGPT`, mapping, ...rest }])
}

const claudeFile = ({ mark }: Context): string =>
  JSON.stringify([
    {
      ...{ uuid: mark, name: `${mark} of Claude`, created_at: time },
      chat_messages: [
        { uuid: 'q', sender: 'human', text: 'Why?', content: [], created_at: time },
        {
          uuid: 'a',
          sender: 'assistant',
          text: '',
          content: [{ type: 'text', text: 'So.' }],
          created_at: time,
        },
      ],
    },
  ])

const importing = (context: Context, rawBody: string): Promise<Judged> =>
  context.call('importUser', { rawBody, expect: 200 })

const twice = async (context: Context, file: string, source: string): Promise<void> => {
  const promise = 'importUser: repeating it is safe'
  const counts = (taken: number, already_there: number) => ({ taken, already_there, skipped: 0 })
  for (const isFirst of [true, false]) {
    const report = await importing(context, file)
    const expected = {
      source,
      conversations: isFirst ? counts(1, 0) : counts(0, 1),
      messages: isFirst ? counts(2, 0) : counts(0, 2),
      skipped: [],
    }
    expectEqual(report.json, expected, 'the report', promise, report)
  }
}

const contentsOf = async (context: Context, conversation_id: string): Promise<string[][]> => {
  const listed = await context.call('listMessages', { path: { conversation_id }, expect: 200 })
  return listed.json.data.map(({ role, content }: { role: string; content: string }) => [role, content])
}

const ours = async (context: Context): Promise<void> => {
  const { id, file } = ourFile(context)
  await twice(context, file, 'colloquy')
  const expected = [
    ['user', 'Why? '],
    ['assistant', 'So.'],
  ]
  expectEqual(await contentsOf(context, id), expected, 'what was imported', 'importUser 200')
}

const others = async (context: Context): Promise<void> => {
  await twice(context, chatGptFile(context), 'chatgpt')
  await twice(context, claudeFile(context), 'claude')
  const listed = await context.call('listConversations', { query: { limit: 100 }, expect: 200 })
  const made: { id: string; title: string }[] = listed.json.data.filter(
    ({ title }: { title: string | null }) => title?.startsWith(`${context.mark} of `),
  )
  expectEqual(made.length, 2, 'the number of imported conversations', 'importUser 200', listed)
  const expected = [
    ['user', 'Why?'],
    ['assistant', 'So.'],
  ]
  for (const { id, title } of made)
    expectEqual(await contentsOf(context, id), expected, title, 'importUser: what is taken', listed)
}

const refused = async (context: Context): Promise<void> => {
  for (const rawBody of ['{"type":', 'nonsense', '[{"mapping":{}}'])
    await expectProblem(context, 'importUser', { rawBody }, 400, 'malformed-body')
  for (const rawBody of ['', '{"a":1}', '[]']) {
    const judged = await expectProblem(context, 'importUser', { rawBody }, 422, 'validation-failed')
    expectErrorAt(judged, '/body')
  }
  const headers = { 'content-type': 'text/plain' }
  await expectProblem(context, 'importUser', { rawBody: '{}', headers }, 415, 'unsupported-media-type')
  const rawBody = `{"type":"${'x'.repeat(8_500_000)}"}`
  const large = { rawBody, headers: { connection: 'close', 'content-type': 'application/json' } }
  await expectProblem(context, 'importUser', large, 413, 'body-too-large')
}

/** Bringing data along. */
export const importChecks: Check[] = [
  {
    id: 'import.lines',
    title: 'the lines of an export are taken, once',
    operation: 'importUser',
    run: ours,
  },
  {
    id: 'import.others',
    title: "ChatGPT's and Claude's exports are taken, once",
    operation: 'importUser',
    run: others,
  },
  {
    id: 'import.refused',
    title: 'what is no such file, or too large, is refused',
    operation: 'importUser',
    run: refused,
  },
]
