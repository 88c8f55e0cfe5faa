import type { Check, Context } from '../check.js'
import { onceFor } from '../once-for.js'
import { expect, expectEqual, expectErrorAt, expectProblem } from '../samples.js'

interface List {
  operation: string
  path?: Record<string, string>
  query?: Record<string, unknown>
}

type Row = Record<string, unknown> & { id?: string }

const rowId = ({ id, day, model }: Row): string => id ?? `${day} ${model}`

/** Walks a list to its end, in pages of `limit`. A cursor that leads in a circle ends at `maxPages`. */
const walk = async (
  context: Context,
  { operation, path, query }: List,
  limit: number,
  maxPages = 60,
): Promise<Row[]> => {
  const rows: Row[] = []
  let cursor: string | null | undefined
  for (let pages = 0; cursor !== null; pages += 1) {
    const asked = { ...query, limit, ...(cursor && { cursor }) }
    const page = await context.call(operation, { ...(path && { path }), query: asked, expect: 200 })
    const promise = `${operation} 200`
    expect(
      page.json.data.length <= limit,
      `a page of ${page.json.data.length} for limit=${limit}`,
      promise,
      page,
    )
    expect(pages < maxPages, `the list has not ended after ${maxPages} pages`, promise, page)
    rows.push(...page.json.data)
    cursor = page.json.next_cursor
  }
  return rows
}

/** Pages of any size come to the same list. */
const walksAlike = async (context: Context, list: List, limits: number[]): Promise<Row[]> => {
  const whole = await walk(context, list, 100)
  const ids = whole.map(rowId)
  expect(new Set(ids).size === ids.length, 'an entry comes twice', list.operation)
  for (const limit of limits) {
    const rows = await walk(context, list, limit, Math.ceil(whole.length / limit) + 1)
    expectEqual(
      rows.map(rowId),
      ids,
      `the list in pages of ${limit}`,
      `${list.operation}: keyset-paged lists`,
    )
  }
  return whole
}

/** A conversation with three turns, made once in a run. */
const longConversation = onceFor(async (context: Context): Promise<string> => {
  const conversation_id = await context.conversation()
  for (const number of [1, 2, 3]) {
    const body = { conversation_id, message: `Answer with the number ${number}` }
    await context.call('createTurn', { body, expect: 200 })
  }
  return conversation_id
})

const inConversation = (operation: string, sortKey: (row: Row) => string) => async (context: Context) => {
  const path = { conversation_id: await longConversation(context) }
  const asc = await walksAlike(context, { operation, path }, [1, 3])
  const keys = asc.map(sortKey)
  expectEqual(keys, [...keys].sort(), 'the order', `${operation}: order`)
  const byTwos = await walk(context, { operation, path }, 2)
  expectEqual(byTwos, asc, 'the list in pages of 2', `${operation}: the same entries on any page`)
  for (const limit of [1, 2]) {
    const desc = await walk(context, { operation, path, query: { order: 'desc' } }, limit)
    expectEqual(desc, asc.toReversed(), `order=desc in pages of ${limit}`, 'OrderParameter')
  }
  const explicit = await walk(context, { operation, path, query: { order: 'asc' } }, 100)
  expectEqual(explicit, asc, 'order=asc', 'OrderParameter: asc unless asked')
}

const conversations = async (context: Context): Promise<void> => {
  for (let i = 0; i < 22; i += 1) await context.conversation()
  const query = { metadata: { conformance: context.mark } }
  const operation = 'listConversations'
  const rows = await walksAlike(context, { operation, query }, [3, 20])
  const sorted = [...rows].sort((a, b) => {
    const [left, right] = [String(a.last_turn_at), String(b.last_turn_at)]
    return Date.parse(right) - Date.parse(left)
  })
  expectEqual(sorted.map(rowId), rows.map(rowId), 'the order', 'listConversations: newest first')
  const page = await context.call(operation, { query, expect: 200 })
  expect(
    page.json.data.length <= 20,
    `a page of ${page.json.data.length} without limit`,
    'LimitParameter: default 20',
    page,
  )
  expect(page.json.next_cursor !== null, 'there is no next page', 'NextCursor', page)
}

const usage = async (context: Context): Promise<void> => {
  await context.turn()
  const today = new Date().toISOString().slice(0, 10)
  const first_day = new Date(Date.now() - 30 * 86_400_000).toISOString().slice(0, 10)
  const rows = await walksAlike(
    context,
    { operation: 'listUsage', query: { first_day, last_day: today } },
    [1],
  )
  expect(rows.length > 0, 'a turn ended, and there is no usage', 'listUsage 200')
  const keys = rows.map(({ day }) => String(day))
  expectEqual(keys, [...keys].sort().reverse(), 'the days', 'listUsage: the newest day first')
}

const firstCursor = async (context: Context, { operation, path, query }: List): Promise<string> => {
  const asked = { ...query, limit: 1 }
  const page = await context.call(operation, { ...(path && { path }), query: asked, expect: 200 })
  return page.json.next_cursor ?? ''
}

const refuseCursor = async (context: Context, list: List, cursor: string): Promise<void> => {
  const { operation, path, query } = list
  const options = { ...(path && { path }), query: { ...query, cursor } }
  const judged = await expectProblem(context, operation, options, 422, 'validation-failed')
  expectErrorAt(judged, '/query/cursor')
}

const altered = (cursor: string): string[] => {
  const at = cursor.length >> 1
  const other = cursor[at] === 'A' ? 'B' : 'A'
  return [`${cursor.slice(0, at)}${other}${cursor.slice(at + 1)}`, `${cursor}A`, cursor.slice(0, -1)]
}

const cursors = async (context: Context): Promise<void> => {
  const path = { conversation_id: await longConversation(context) }
  const messages = { operation: 'listMessages', path }
  const turns = { operation: 'listTurns', path }
  const query = { metadata: { conformance: context.mark } }
  await context.conversation()
  const listed = { operation: 'listConversations', query }
  const lists: List[] = [messages, turns, listed]
  for (const list of lists) {
    const cursor = await firstCursor(context, list)
    for (const bad of ['x', '0', 'a.b', '', 'a b', 'x'.repeat(1025), ...altered(cursor)])
      await refuseCursor(context, list, bad)
    for (const other of lists) if (other !== list) await refuseCursor(context, other, cursor)
  }
  const cursor = await firstCursor(context, messages)
  await refuseCursor(context, { ...messages, query: { order: 'desc' } }, cursor)
  await refuseCursor(context, { operation: 'listConversations' }, await firstCursor(context, listed))
}

const badLimits = ['0', '-1', '101', '1.5', 'ten', '', '1e1', '0x10', ' 5', '9007199254740993', 'null']

const limits = async (context: Context): Promise<void> => {
  const path = { conversation_id: await longConversation(context) }
  const lists: List[] = [
    { operation: 'listMessages', path },
    { operation: 'listTurns', path },
    { operation: 'listConversations' },
    { operation: 'listUsage' },
  ]
  for (const { operation, path } of lists) {
    const ask = (limit: string) => ({ ...(path && { path }), query: { limit } })
    for (const limit of badLimits) {
      const judged = await expectProblem(context, operation, ask(limit), 422, 'validation-failed')
      expectErrorAt(judged, '/query/limit')
    }
    for (const limit of ['1', '100']) await context.call(operation, { ...ask(limit), expect: 200 })
  }
  for (const query of ['order=up', 'order=', 'order=ASC'])
    await expectProblem(context, 'listMessages', { path, query }, 422, 'validation-failed')
  for (const query of ['archived=1', 'archived=', 'archived=True', 'metadata=x'])
    await expectProblem(context, 'listConversations', { query }, 422, 'validation-failed')
}

const byPosition = ({ position }: Row): string => String(position).padStart(10, '0')
/** UUIDv7 ids and times are equal or rise together; only the times are promised. */
const byTime = ({ created_at }: Row): string => new Date(String(created_at)).toISOString()

/** Lists. */
export const pagingChecks: Check[] = [
  {
    id: 'paging.messages',
    title: 'pages of any size have every message once, by position',
    operation: 'listMessages',
    run: inConversation('listMessages', byPosition),
  },
  {
    id: 'paging.turns',
    title: 'pages of any size have every turn once, in the order in which they began',
    operation: 'listTurns',
    run: inConversation('listTurns', byTime),
  },
  {
    id: 'paging.conversations',
    title: 'pages of any size have every conversation once, newest turn first',
    operation: 'listConversations',
    run: conversations,
  },
  {
    id: 'paging.usage',
    title: 'pages of any size have every day and model once, newest day first',
    operation: 'listUsage',
    run: usage,
  },
  {
    id: 'paging.cursor',
    title: 'a cursor that was changed, or is of another list or filter, is 422',
    operation: 'listMessages',
    run: cursors,
  },
  {
    id: 'paging.limit',
    title: 'a limit is an integer from 1 to 100, and every parameter is judged',
    operation: 'listMessages',
    run: limits,
  },
]
