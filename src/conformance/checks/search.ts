import type { Check, Context, Judged } from '../check.js'
import { expect, expectEqual, unknownId } from '../samples.js'

interface Result {
  message_id: string | null
  conversation_id: string
  excerpt: string
  highlights: { start: number; end: number }[]
  rank: number
}

/** A word that nothing else has. */
const newWord = (): string => `q${unknownId().replaceAll('-', '')}`

const search = (context: Context, query: Record<string, unknown>, as = context.a): Promise<Judged> =>
  context.call('searchMessages', { as, query, expect: 200 })

const messagesOf = ({ json }: Judged): (string | null)[] =>
  json.data.map(({ message_id }: Result) => message_id)

const say = async (context: Context, message: string, conversation_id: string): Promise<string> => {
  const { json } = await context.call('createTurn', { body: { conversation_id, message }, expect: 200 })
  return json.user_message_id
}

const found = async (context: Context): Promise<void> => {
  const word = newWord()
  const conversation_id = await context.conversation()
  const id = await say(context, `👍 Answer with the one word: yes. ${word}(x), ${word}`, conversation_id)
  for (const q of [
    word,
    word.toUpperCase(),
    word.slice(3, 20),
    `${word}(x)`,
    `"${word}(x), ${word}"`,
    `yes ${word}`,
  ]) {
    const page = await search(context, { q })
    const result: Result | undefined = page.json.data.find(({ message_id }: Result) => message_id === id)
    expect(result !== undefined, `${q} does not find the message that has it`, 'searchMessages: Terms', page)
    if (!result) continue
    const letters = [...result.excerpt]
    const marked = result.highlights.map(({ start, end }) => letters.slice(start, end).join('').toLowerCase())
    const sought = q.toLowerCase().replaceAll('"', '')
    const isMarked = marked.some((text) => text !== '' && (text.includes(sought) || sought.includes(text)))
    expect(
      isMarked,
      `the highlights of ${q} are ${JSON.stringify(marked)}`,
      'Highlight: as code points',
      page,
    )
  }
  const nothing = await search(context, { q: newWord() })
  expectEqual(nothing.json.data, [], 'what a word finds that nobody wrote', 'searchMessages 200', nothing)
}

const filtered = async (context: Context): Promise<void> => {
  const word = newWord()
  const [one, two] = [await context.conversation(), await context.conversation()]
  const message = `Answer with the one word: yes. ${word}`
  const [first, second] = [await say(context, message, one), await say(context, message, two)]
  const only = await search(context, { q: word, conversation_id: one })
  expect(
    messagesOf(only).includes(first) && !messagesOf(only).includes(second),
    'conversation_id does not bound the search',
    'searchMessages: conversation_id',
    only,
  )
  await context.call('updateConversation', {
    path: { conversation_id: two },
    body: { archived: true },
    expect: 200,
  })
  for (const [archived, wanted, other] of [
    [false, first, second],
    [true, second, first],
  ] as const) {
    const page = await search(context, { q: word, archived })
    const ids = messagesOf(page)
    const isRight = ids.includes(wanted) && !ids.includes(other)
    expect(isRight, `archived=${archived} does not bound the search`, 'searchMessages: archived', page)
  }
  for (const query of [{ after: '2900-01-01T00:00:00Z' }, { before: '2001-01-01T00:00:00Z' }]) {
    const page = await search(context, { q: word, ...query })
    expectEqual(
      page.json.data,
      [],
      `what was found with ${JSON.stringify(query)}`,
      'searchMessages: after, before',
      page,
    )
  }
  await context.call('deleteConversation', { path: { conversation_id: one }, expect: 204 })
  const left = await search(context, { q: word })
  expect(!messagesOf(left).includes(first), 'a deleted message is found', 'deleteConversation 204', left)
}

const keptApart = async (context: Context): Promise<void> => {
  const word = newWord()
  const conversation_id = await context.conversation()
  await say(context, `Answer with the one word: yes. ${word}`, conversation_id)
  for (const query of [{ q: word }, { q: word, conversation_id }]) {
    const page = await search(context, query, context.b)
    expectEqual(page.json.data, [], "what is found of another user's messages", 'Who may call', page)
  }
}

const paged = async (context: Context): Promise<void> => {
  const word = newWord()
  const conversation_id = await context.conversation()
  for (const n of [1, 2, 3]) await say(context, `Answer with the number ${n}. ${word}`, conversation_id)
  const whole = await search(context, { q: word, limit: 100 })
  expect(messagesOf(whole).length >= 3, 'not every message is found', 'searchMessages 200', whole)
  const ranks: number[] = whole.json.data.map(({ rank }: Result) => rank)
  expectEqual(
    ranks,
    [...ranks].sort((a, b) => b - a),
    'the ranks',
    'searchMessages: Order',
    whole,
  )
  const walked: (string | null)[] = []
  let cursor: string | undefined
  for (let pages = 0; pages < 30; pages += 1) {
    const page = await search(context, { q: word, limit: 1, cursor })
    walked.push(...messagesOf(page))
    if (page.json.next_cursor === null) break
    cursor = page.json.next_cursor
  }
  expectEqual(
    walked,
    messagesOf(whole),
    'the results in pages of 1',
    'searchMessages: keyset-paged lists',
    whole,
  )
}

const odd = [
  '"',
  '""',
  "'",
  '\\',
  '%',
  '*',
  '(',
  '[',
  ':*&|',
  '!()',
  '.*',
  '<->',
  '\u0301',
  '👍',
  'a',
  '東京',
  'x'.repeat(200),
]

const anything = async (context: Context): Promise<void> => {
  for (const q of odd) await search(context, { q })
}

/** What is found, and what is not. */
export const searchChecks: Check[] = [
  {
    id: 'search.found',
    title: 'a message is found as soon as it is stored, and highlighted',
    operation: 'searchMessages',
    run: found,
  },
  {
    id: 'search.filters',
    title: 'filters bound a search, and nothing deleted is found',
    operation: 'searchMessages',
    run: filtered,
  },
  {
    id: 'search.other-user',
    title: 'nothing of another user is found',
    operation: 'searchMessages',
    run: keptApart,
  },
  {
    id: 'search.pages',
    title: 'pages of any size have every result once, by rank',
    operation: 'searchMessages',
    run: paged,
  },
  {
    id: 'search.any-text',
    title: 'no text is too odd to be searched',
    operation: 'searchMessages',
    run: anything,
  },
]
