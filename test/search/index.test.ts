import t from 'tap'
import { parseQuery } from '../../src/search/terms.js'
import type { Json } from '../helpers/app.js'
import { isDistributed } from '../helpers/database.js'
import { until } from '../helpers/models.js'
import { drawSeed } from '../helpers/seed.js'
import { rowsAbout } from '../helpers/stored-rows.js'
import { indexed, rowsRead, searchApp, segmentsOf, superuser, writeMessages } from './helpers.js'

const seed = drawSeed(t)
let state = seed
/** A number from 0 up to before `below`, by a linear congruential generator. */
const random = (below: number): number => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor((state / 2 ** 32) * below)
}
const pick = <T>(values: readonly T[]): T => values[random(values.length)] as T

const words =
  'running Läufer straße café foo_bar(x) книга книги θάλασσα 東京 天気 go C# ab 👍 naïve city cities world'.split(
    ' ',
  )
const common = 'the and of to in is that it was for on are with as they be at one have this'.split(' ')
const textOf = (): string =>
  Array.from({ length: 4 + random(20) }, () => (random(25) === 0 ? pick(words) : pick(common))).join(' ')
/** Of the texts that are indexed, a fifth have a word, and very few another one of its stem. */
const sailing = (text: string, n: number): string =>
  n % 300 === 100 ? `${text} sails` : n % 5 === 0 && n < 1_900 ? `${text} sailing` : text

const app = await searchApp(t)
const { call, chat, search, walk } = app
const sql = superuser(t, app)
/** The id that writeMessages gives a conversation. */
const conversation = (n: number): string => {
  const digits = String(n + 1).padStart(16, '0')
  const hex = `${digits.slice(0, 12)}7${digits.slice(12, 15)}8${digits.slice(15)}${'0'.repeat(14)}`
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
const count = 2_600
const texts = Array.from({ length: count }, textOf).map(sailing)
await writeMessages(sql, 'alice', texts, 20)

const queries = [
  'running',
  'run',
  'lauf',
  'strasse',
  'foo_bar',
  'книга',
  'θαλασσα',
  '京',
  '天気',
  'go',
  'C#',
  'city',
  'the naive',
  '👍',
  'unning',
  'sails',
  'sails the',
  'world "is that"',
]
const keyOf = ({ type, conversation_id, position, rank }: Json): string =>
  `${type} ${conversation_id} ${position} ${rank}`
const all = async (): Promise<Record<string, string[]>> =>
  Object.fromEntries(
    await Promise.all(queries.map(async (q) => [q, (await walk(q, 100)).map(keyOf)] as const)),
  )
const sorted = (found: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(found).map(([q, keys]) => [q, [...keys].sort()]))

t.test('the index finds what a search without it finds', async (t) => {
  const without = sorted(await all())
  t.same(
    queries.filter((q) => without[q]?.length === 0),
    [],
    'every query finds something',
  )
  await indexed(sql, app, 'alice', 2)
  t.same(sorted(await all()), without, 'the same with the index')
  for (const q of ['world', 'the', 'go', 'sails', 'sails the']) {
    const keys = (await walk(q, 23)).map(keyOf)
    t.equal(new Set(keys).size, keys.length, `${q}: nothing comes twice in small pages`)
    t.same([...keys].sort(), (await walk(q, 100)).map(keyOf).sort(), `${q}: nor is anything missed`)
  }
})

t.test(
  'candidates are looked up by their keys, also where a user has far more than the statistics say',
  { skip: isDistributed && 'the statistics are those of shards' },
  async (t) => {
    await sql`alter table colloquy.messages alter user_id set (n_distinct = -0.05)`
    await sql`analyze colloquy.messages`
    const { messages, conversations } = await rowsRead(sql, 'alice', 'foo_bar')
    await sql`alter table colloquy.messages alter user_id reset (n_distinct)`
    await sql`analyze colloquy.messages`
    const rows = messages + conversations
    t.ok(rows < count, `${rows} rows are read for some of ${count} messages`)
  },
)

t.test('of the messages with a word that most have, few are compared', async (t) => {
  // The conversation of each that matches is looked up.
  const { conversations } = await rowsRead(sql, 'alice', 'the')
  t.ok(conversations < 500, `${conversations} conversations are read`)
})

t.test('of those with a word of the stem of a rare one, few are compared', async (t) => {
  for (const q of ['sails', 'sails the']) {
    const [first, last] = [(await search(q)).data[0], (await walk(q, 100)).at(-1)]
    t.ok(first.rank > last?.rank, `${q}: the word itself comes first`)
    const { conversations } = await rowsRead(sql, 'alice', q)
    t.ok(conversations < 180, `${q}: ${conversations} conversations are read`)
  }
})

t.test('the tail and the newest segment are a window, where they have a page of results', async (t) => {
  // Each segment has fewer candidates than a window.
  const { messages } = await rowsRead(sql, 'alice', 'sailing')
  // The tail's are counted first; another segment would be a thousand more.
  t.ok(messages < 2_700, `${messages} messages are read`)
})

t.test('what comes after is found at once', async (t) => {
  const conversation_id = conversation(3)
  await chat('a belated capybara', { conversation_id })
  t.equal((await search('capybara', { conversation_id })).data.length, 2, 'in a conversation that is indexed')
  await chat('another capybara')
  t.equal((await search('capybara')).data.length, 4, 'and in a new one')
})

t.test('a new title is found in place of the one that was indexed', async (t) => {
  const conversation_id = conversation(5)
  await call('PATCH', `/api/alice/conversations/${conversation_id}`, { body: { title: 'Quokka' } })
  t.match((await search('quokka')).data, [{ type: 'title', conversation_id }], 'the new title is found')
  await indexed(sql, app, 'alice', 2)
  t.match((await search('quokka')).data, [{ type: 'title', conversation_id }], 'and when it is indexed, too')
  const titles = (await walk('"number 5"', 100)).map((each: Json) => each.title)
  t.notOk(titles.includes('number 5'), 'the old one is not')
})

t.test('deleting a conversation takes it out of the index', async (t) => {
  const before = sorted(await all())
  const gone = [conversation(0), conversation(60)]
  for (const id of gone) await call('DELETE', `/api/alice/conversations/${id}`)
  const { stale } = await segmentsOf(sql, 'alice')
  t.ok(stale > 0, 'nor in a signature that was made of it')
  const wanted = Object.fromEntries(
    Object.entries(before).map(([q, keys]) => [
      q,
      keys.filter((key) => !gone.some((id) => key.includes(id))),
    ]),
  )
  t.same(sorted(await all()), wanted, 'the rest is found as before')
  const segments = await sql`
    select number from colloquy.search_segments where conversation_ids && ${gone}::uuid[]`
  const tails = await sql`
    select conversation_id from colloquy.search_tails where conversation_id = any (${gone}::uuid[])`
  t.equal(segments.length + tails.length, 0, 'nothing of it is left in the index')
  await indexed(sql, app, 'alice', 2)
  t.same(sorted(await all()), wanted, 'and when it is indexed anew')
})

t.test('an imported conversation is found, whatever its id, and indexed in its turn', async (t) => {
  await writeMessages(sql, 'frank', Array.from({ length: 1_100 }, textOf), 20)
  await indexed(sql, app, 'frank', 1)
  await sql`update colloquy.search_indexes set sealed_to = ${'f'.repeat(32)}::uuid where user_id = 'frank'`
  const created_at = '2020-01-01T00:00:00Z'
  const chat_messages = Array.from({ length: 1_100 }, (_, n) => ({
    ...{ uuid: `m-${n}`, created_at, text: n === 0 ? 'an axolotl' : 'one more' },
    sender: n % 2 === 0 ? 'human' : 'assistant',
  }))
  const body = [{ uuid: 'a-1', name: 'Imported', created_at, updated_at: created_at, chat_messages }]
  const imported = await call('POST', '/api/frank/import', { user: 'frank', body })
  t.match(imported.body, { messages: { taken: 1_100 } }, 'the file is taken')
  t.equal((await search('axolotl', {}, 'frank')).data.length, 1, 'its message is found')
  await indexed(sql, app, 'frank', 2)
  const [sealed] = await sql`
    select m.conversation_id = any (s.conversation_ids) as is_imported
    from colloquy.search_segments s, colloquy.messages m
    where s.user_id = 'frank' and s.number = 2 and m.user_id = 'frank' and m.content = 'an axolotl'`
  t.same(sealed, { is_imported: true }, 'the segment is of it')
  t.equal((await search('axolotl', {}, 'frank')).data.length, 1, 'and it is found there')
})

t.test('erasing the user takes the whole index away', async (t) => {
  const receipt = await call('DELETE', '/api/alice?confirm=alice')
  t.equal(receipt.status, 200, 'alice is erased')
  t.same(await rowsAbout(sql, 'alice'), {}, 'and nothing of her is left in any table')
})

t.test('what may still change is not indexed', async (t) => {
  await writeMessages(
    sql,
    'carol',
    Array.from({ length: 2_100 }, () => 'a common sentence'),
    2_100,
  )
  await sql`
    insert into colloquy.turns (user_id, id, conversation_id, position, status, attempt, begun_by, user_message_id,
      message_id, model, created_at)
    select user_id, id, conversation_id, 2099, 'failed', 1, id, id, id, 'echo', now()
    from colloquy.messages where user_id = 'carol' and position = 2100`
  await sql`
    update colloquy.conversations c set last_turn_id = t.id
    from colloquy.turns t where t.user_id = 'carol' and c.user_id = 'carol'`
  await indexed(sql, app, 'carol', 2)
  const [tail] = await sql`select sealed_position from colloquy.search_tails where user_id = 'carol'`
  t.equal(tail?.sealed_position, 2_047, 'two whole segments, and the rest is the tail')
  t.same((await segmentsOf(sql, 'carol')).segments, 2, 'there are two')
})

t.test('a segment is not stored when something has changed since it was read', async (t) => {
  await writeMessages(
    sql,
    'dave',
    Array.from({ length: 2_000 }, (_, n) => `sentence ${n}`),
    20,
  )
  const store = (titles: string[], version = 0) => sql<[{ stored: boolean }]>`
    select colloquy.store_segment(
      p_user_id => 'dave', p_number => null, p_version => ${version}, p_conversation_ids => ${[conversation(0), conversation(1)]}::uuid[],
      p_first_positions => ${[0, 0]}::integer[], p_lengths => ${[21, 21]}::integer[], p_titles => ${titles}::text[],
      p_signature => ${Buffer.alloc(524_288)}) as stored`
  const tries = async (titles: string[], version?: number) => (await store(titles, version))[0].stored
  t.equal(await tries(['number 0', 'another']), false, 'another title')
  t.equal(await tries(['number 0', 'number 1'], 1), false, 'another segment came first')
  await sql.begin(async (holder) => {
    await holder`select from colloquy.conversations where user_id = 'dave' and id = ${conversation(1)} for update`
    const other = superuser(t, app)
    const [row] = await other<[{ stored: boolean }]>`
      select colloquy.store_segment(
        p_user_id => 'dave', p_number => null, p_version => 0, p_conversation_ids => ${[conversation(1)]}::uuid[],
        p_first_positions => ${[0]}::integer[], p_lengths => ${[21]}::integer[], p_titles => ${['number 1']}::text[],
        p_signature => ${Buffer.alloc(524_288)}) as stored`
    t.equal(row.stored, false, 'somebody writes the conversation now')
  })
  t.equal(await tries(['number 0', 'number 1']), true, 'else it is')
  t.equal(await tries(['number 0', 'number 1']), false, 'once')
})

t.test('a history that is too long to be compared at once says so until it is indexed', async (t) => {
  const many = Array.from({ length: 30_050 }, (_, n) => (n === 0 ? 'the oldest pelican' : 'x'))
  await writeMessages(sql, 'erin', many, 50)
  const first = await search('pelican', {}, 'erin')
  t.same([first.data, first.is_complete], [[], false], 'the oldest are not searched')
  await until(async () => (await search('pelican', {}, 'erin')).is_complete)
  t.equal((await search('pelican', {}, 'erin')).data.length, 1, 'soon they are')
})

t.test('a search compares a bounded number of messages, and fewer with more terms', async (t) => {
  await writeMessages(
    sql,
    'grace',
    Array.from({ length: 6_000 }, () => 'x'),
    100,
  )
  // Without signatures every entry is a candidate.
  await sql`
    with segments as (
      insert into colloquy.search_segments (user_id, number, conversation_ids, first_positions, lengths)
      select user_id, n, array_agg(id), array_agg(0), array_agg(last_position + 1)
      from (select c.*, (row_number() over (order by id) + 9) / 10 as n from colloquy.conversations c where user_id = 'grace') c
      group by user_id, n
    )
    insert into colloquy.search_indexes (user_id, sealed_to, segments) values ('grace', ${conversation(59)}, 6)`
  const { terms } = parseQuery('x')
  // None is archived, so that a search would go on to the end.
  const read = async (count: number) => {
    const query = { terms: Array.from({ length: count }, () => terms).flat(), phrase: null }
    return (await rowsRead(sql, 'grace', query, { archived: true })).messages
  }
  t.equal(await read(1), 3_000, 'three segments')
  t.equal(await read(15), 1_000, 'one segment')
})
