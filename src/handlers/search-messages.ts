import type { components } from '../../generated/closed/contract.js'
import type { Handler } from '../http/handler.js'
import { findMatches, type Match, type SearchPosition } from '../search/find-matches.js'
import { excerptOf, patternsOf } from '../search/highlights.js'
import { segmentEntries } from '../search/signature.js'
import { parseQuery, type Query } from '../search/terms.js'
import { tokenOf } from './consistency.js'
import type { Deps } from './deps.js'
import { type CursorKey, decodeCursor, encodeCursor, instant } from './page.js'

type SearchResult = components['schemas']['SearchResult']

const number = /^(?:0|[1-9]\d{0,9})$/
/** The cursor's parts: the window, from its end up to before a segment, and the last result before the page. */
const keyShape = [number, number, number, instant, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/]
/** What stands for no number, and for what comes before every result. */
const none = 2_147_483_647
const first: CursorKey = [1_000, '2999-12-31T00:00:00.000Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

const toPosition = ([end, upper, rank, time, id]: CursorKey): SearchPosition => {
  const numberOf = (part: unknown) => (Number(part) >= none ? null : Number(part))
  return {
    end: numberOf(end),
    upper: numberOf(upper),
    rank: numberOf(rank),
    time: String(time),
    id: String(id),
  }
}

const toResult = (match: Match, query: Query): SearchResult => {
  const { id, position, text, is_cut, stemmed, ...shown } = match
  const isTitle = position === 0
  return {
    ...shown,
    type: isTitle ? 'title' : 'message',
    message_id: isTitle ? null : id,
    position: isTitle ? null : position,
    ...excerptOf(text, is_cut, patternsOf(query, stemmed)),
  }
}

export const searchMessages =
  ({ readsAfter, search }: Deps): Handler<'searchMessages'> =>
  async ({ query, headers, user }, reply) => {
    const { q, conversation_id: conversationId, archived, after, before, limit } = query
    const filters = [conversationId, archived, after, before].map(String)
    const scope = ['searchMessages', user.id, q, ...filters]
    const position: Partial<SearchPosition> =
      query.cursor === undefined ? {} : toPosition(decodeCursor(scope, keyShape, query.cursor))
    const parsed = parseQuery(q)
    const asked = { conversationId, archived, after, before, limit, ...position }
    const reads = readsAfter(headers['Consistency-Token'])
    const found = await findMatches(reads, user.id, parsed, asked)
    if (found.has_stale || found.unsealed >= segmentEntries) search.begin(user.id)

    const matches = found.results.slice(0, limit)
    const last = matches.at(-1)
    const hasMore = found.results.length > limit && last !== undefined
    const next: CursorKey | undefined = hasMore
      ? [found.window_end, position.upper ?? none, last.rank, last.created_at, last.id]
      : found.window_end > 1
        ? [none, found.window_end, ...first]
        : undefined
    const page = {
      data: matches.map((match) => toResult(match, parsed)),
      next_cursor: next ? encodeCursor(scope, next) : null,
      is_complete: found.is_complete,
    }
    return reply(200, page, tokenOf(reads))
  }
