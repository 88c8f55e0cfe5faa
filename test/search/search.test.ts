import t from 'tap'
import { echo } from '../../src/models/echo.js'
import { type Model, unknownUsage } from '../../src/models/model.js'
import type { Json } from '../helpers/app.js'
import { searchApp } from './helpers.js'

const fails = 'This one fails at first'
let attempts = 0
const model: Model = {
  name: 'fails-once',
  async *run(request) {
    if (request.message !== fails) return yield* echo().run(request)
    attempts += 1
    yield { type: 'text-delta', delta: attempts === 1 ? 'an axolotl' : 'an okapi' }
    if (attempts === 1) throw new Error('no')
    yield { type: 'finish', usage: unknownUsage }
  },
}

const app = await searchApp(t, { model })
const { call, chat, search, walk } = app
const excerpts = (page: Json): string[] => page.data.map(({ excerpt }: Json) => excerpt)
const marked = ({ excerpt, highlights }: Json): string[] =>
  highlights.map(({ start, end }: Json) => [...excerpt].slice(start, end).join(''))

t.test('what was stored a moment ago is found, with where it is', async (t) => {
  const turn = await chat('Where is the quixotic windmill?')
  const { data, next_cursor, is_complete } = await search('quixotic')
  t.match(
    data.find(({ role }: Json) => role === 'user'),
    {
      type: 'message',
      conversation_id: turn.conversation_id,
      message_id: turn.user_message_id,
      position: 1,
      title: 'Where is the quixotic windmill?',
      archived: false,
      excerpt: 'Where is the quixotic windmill?',
      highlights: [{ start: 13, end: 21 }],
    },
    'the user’s message',
  )
  t.same(
    data.map(({ type, role }: Json) => `${type} ${role}`).sort(),
    ['message assistant', 'message user'],
    'the answer, too, and not the title, which is the message’s beginning',
  )
  t.same([next_cursor, is_complete], [null, true], 'it is all there is')
})

t.test('highlights are ranges of code points, of every match, that do not overlap', async (t) => {
  await chat('👩‍🚀 Zebra, 𝒵ebra-like ZEBRAS zebrazebra 👍')
  const [result] = (await search('zebra')).data.filter(({ role }: Json) => role === 'user')
  t.same(marked(result), ['Zebra', 'ZEBRAS', 'zebra', 'zebra'], 'each is there')
  const [two] = (await search('zebra "zebrazebra"')).data
  t.ok(marked(two).includes('zebrazebra'), 'overlapping ones are one')
  await chat(`${'long '.repeat(400)}needle in the hay${' stack'.repeat(300)}`)
  const [deep] = (await search('needle')).data
  t.ok([...deep.excerpt].length <= 240, 'an excerpt is short')
  t.same(marked(deep), ['needle'], 'and has the match')
  t.match(deep.excerpt, /^long /, 'and begins with a whole word')
})

t.test('better matches come first, and newer ones among equals', async (t) => {
  for (const message of ['a grapefruit', 'the fruitful one', 'old fruit', 'fruits', 'new fruit'])
    await chat(message)
  const own = (page: Json) => ({ data: page.data.filter(({ role }: Json) => role === 'user') })
  t.same(
    excerpts(own(await search('fruit'))),
    ['new fruit', 'old fruit', 'fruits', 'the fruitful one', 'a grapefruit'],
    'whole words, beginnings of words, parts of words',
  )
  await chat('the moon and the harvest')
  await chat('a harvest moon')
  await chat('the harvest and the moon again')
  const [first] = excerpts(own(await search('harvest moon')))
  t.equal(first, 'a harvest moon', 'terms in a row before the same terms apart')
  t.same(excerpts(own(await search('"harvest moon"'))), ['a harvest moon'], 'quotes ask for them in a row')
})

t.test('titles are found, by the name that they have now', async (t) => {
  const { conversation_id } = await chat('nothing of note')
  const rename = (title: string) =>
    call('PATCH', `/api/alice/conversations/${conversation_id}`, { body: { title } })
  await rename('Armadillo care')
  t.match(
    (await search('armadillo')).data,
    [
      {
        type: 'title',
        conversation_id,
        message_id: null,
        position: null,
        role: null,
        title: 'Armadillo care',
      },
    ],
    'a title is a result of its own',
  )
  await rename('Pangolin care')
  t.same((await search('armadillo')).data, [], 'the old title is gone')
  t.equal((await search('pangolin')).data.length, 1, 'the new one is there')
})

t.test('filters bound what is searched', async (t) => {
  const one = await chat('walrus one')
  const two = await chat('walrus two')
  const ids = async (query: Record<string, string>) => [
    ...new Set((await walk('walrus', 100, query)).map(({ conversation_id }) => conversation_id)),
  ]
  t.same(await ids({ conversation_id: one.conversation_id }), [one.conversation_id], 'one conversation')
  await call('PATCH', `/api/alice/conversations/${one.conversation_id}`, { body: { archived: true } })
  t.same(await ids({ archived: 'true' }), [one.conversation_id], 'archived ones')
  t.same(await ids({ archived: 'false' }), [two.conversation_id], 'the others')
  t.equal((await ids({})).length, 2, 'all of them')
  const [{ created_at }] = (await search('walrus two')).data.filter(({ role }: Json) => role === 'user')
  const times = async (query: Record<string, string>) =>
    (await walk('walrus', 100, query)).map((result) => result.created_at)
  t.ok(
    (await times({ after: created_at })).every((time) => time >= created_at),
    'after is inclusive',
  )
  t.ok((await times({ after: created_at })).includes(created_at), 'after has the time itself')
  t.ok(
    (await times({ before: created_at })).every((time) => time < created_at),
    'before is exclusive',
  )
  t.same(await ids({ after: '2100-01-01T00:00:00Z' }), [], 'nothing is of the future')
  t.same(
    await ids({ conversation_id: '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e' }),
    [],
    'an unknown conversation has nothing',
  )
})

t.test('what is deleted is not found', async (t) => {
  const { conversation_id } = await chat('the ephemeral mayfly')
  t.ok((await search('mayfly')).data.length > 0, 'it is there')
  await call('DELETE', `/api/alice/conversations/${conversation_id}`)
  t.same((await search('mayfly')).data, [], 'it is gone')
})

t.test('nobody finds what another user wrote', async (t) => {
  const { conversation_id } = await chat('the secret of the narwhal')
  t.same((await search('narwhal', {}, 'bob')).data, [], 'nothing')
  t.same(
    (await search('narwhal', { conversation_id }, 'bob')).data,
    [],
    'not by the conversation’s id either',
  )
})

t.test('pages of any size have every result once, while others are written', async (t) => {
  for (let n = 0; n < 30; n += 1) await chat(n % 3 === 0 ? `marmot ${n}` : `marmots and a groundhog ${n}`)
  const key = ({ message_id }: Json) => message_id
  for (const q of ['groundhog marmot', 'marmots and', 'a groundhog 1', 'marmot']) {
    const whole = await walk(q, 100)
    t.ok(whole.length > 9, `${q}: messages and answers`)
    for (const limit of [q === 'marmot' ? 1 : 3, 7])
      t.same((await walk(q, limit)).map(key), whole.map(key), `${q}: pages of ${limit}`)
    const order = whole.map(({ rank, created_at }) => `${String(rank).padStart(3, '0')} ${created_at}`)
    t.same(order, [...order].sort().reverse(), `${q}: by rank, then the newest first`)
  }
  const whole = await walk('marmot', 100)

  const seen: string[] = []
  let cursor: string | null = null
  for (let n = 0; n === 0 || cursor !== null; n += 1) {
    const page: Json = await search('marmot', { limit: '9', ...(cursor && { cursor }) })
    seen.push(...page.data.map(key))
    cursor = page.next_cursor
    await chat(`marmot, newer ${n}`)
  }
  t.equal(new Set(seen).size, seen.length, 'none comes twice')
  t.same(
    whole.map(key).filter((id) => !seen.includes(id)),
    [],
    'none is missed',
  )
})

t.test('a cursor belongs to its query', async (t) => {
  const { next_cursor } = await search('marmot', { limit: '1' })
  for (const query of [
    { q: 'marmots' },
    { q: 'marmot', archived: 'false' },
    { q: 'marmot', cursor: `${next_cursor}A` },
  ]) {
    const asked = new URLSearchParams({ limit: '1', cursor: next_cursor, ...query } as Record<string, string>)
    const { status } = await call('GET', `/api/alice/search?${asked}`)
    t.equal(status, 422, `another one is refused: ${JSON.stringify(query)}`)
  }
})

t.test('no query is too odd', async (t) => {
  const odd = [
    '"',
    '""',
    '" "',
    "'",
    '\\',
    '%',
    '_',
    '*',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '^',
    '$',
    '|',
    '&',
    '!',
    ':*',
    '<->',
    '.*',
    '(?i)',
    '***=',
    '(?<!',
    '[[:alpha:]]',
    '\\d',
    '\\',
    '--',
    '/*',
    "';drop table",
    '\u0301',
    '\u200b!',
    '👍',
    '👨‍👩‍👧',
    '\ufe0fx',
    'a',
    'é',
    'ß',
    'ss',
    'İ',
    '猫',
    'the',
    'and or not',
    'x'.repeat(200),
    'é'.repeat(200),
    '👍'.repeat(200),
    'a b '.repeat(50),
    'ab '.repeat(66),
    '[a-z]'.repeat(40),
    'ﷺ',
    'ﬁ',
    'e\u0301\u0302\u0303',
    '"a "b" c"',
    '\t',
    '\r\nx',
    '\u00a0x',
    '\u{10ffff}',
    '\ud7ff',
    '\ufffd',
    '\u2028x',
  ]
  for (const q of odd) {
    const { status } = await call('GET', `/api/alice/search?q=${encodeURIComponent(q)}`)
    t.equal(status, q === '\t' ? 422 : 200, `${encodeURIComponent(q).slice(0, 40)} is answered`)
  }
  const refused: [query: string, status: number][] = [
    ['', 422],
    ['?q=', 422],
    ['?q=%20', 422],
    [`?q=${'x'.repeat(201)}`, 422],
    ['?q=a&q=b', 422],
    ['?q=%00', 400],
    ['?q=%ff', 400],
    ['?q=%ed%a0%80', 400],
    ['?q=a&after=2026-02-30T00:00:00Z', 422],
    ['?q=a&after=0000-01-01T00:00:00Z', 422],
    ['?q=a&before=2026-11-01', 422],
    ['?q=a&after=2026-11-01T00:00:60Z', 422],
    ['?q=a&conversation_id=x', 422],
    ['?q=a&archived=1', 422],
    ['?q=a&limit=0', 422],
    ['?q=a&x=1', 422],
  ]
  for (const [query, status] of refused)
    t.equal(
      (await call('GET', `/api/alice/search${query}`)).status,
      status,
      `${query.slice(0, 40)} is refused`,
    )
  const exact = await call('GET', '/api/alice/search?q=a&after=2026-11-01T00:00:00.123456789%2B02:00')
  t.equal(exact.status, 200, 'any time of RFC 3339 will do')
})

t.test('an answer that failed is found by what it has, and its retry in its place', async (t) => {
  const headers = { 'idempotency-key': 'retried' }
  const send = () => call('POST', '/api/alice/chat', { body: { message: fails }, headers })
  t.equal((await send()).status, 502, 'the model fails')
  t.same(excerpts(await search('axolotl')), ['an axolotl'], 'what there is of the answer is found')
  t.equal((await send()).status, 200, 'the retry works')
  t.same((await search('axolotl')).data, [], 'the former answer is gone')
  t.same(excerpts(await search('okapi')), ['an okapi'], 'the new one is there')
})
