import type { components } from '../../generated/closed/contract.js'
import type { Handler } from '../http/handler.js'
import { excerptOf, patternsOf } from '../search/highlights.js'
import { segmentEntries } from '../search/signature.js'
import { parseQuery, type Query, word } from '../search/terms.js'
import type { Deps } from './deps.js'
import { type CursorKey, decodeCursor, encodeCursor, instant } from './page.js'

type SearchResult = components['schemas']['SearchResult']

interface Match extends Pick<SearchResult, 'conversation_id' | 'rank' | 'created_at'> {
  /** 0 is the title */
  position: number
  id: string
  title: string | null
  archived: boolean
  role: 'user' | 'assistant' | null
  text: string
  is_cut: boolean
  stemmed: string[]
}

interface Found {
  results: Match[]
  window_end: number
  unsealed: number
  is_complete: boolean
  has_stale: boolean
}

const number = /^(?:0|[1-9]\d{0,9})$/
/** The cursor's parts: the window, from its end up to before a segment, and the last result before the page. */
const keyShape = [number, number, number, instant, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/]
/** What stands for no number, and for what comes before every result. */
const none = 2_147_483_647
const first: CursorKey = [1_000, '2999-12-31T00:00:00.000Z', 'ffffffff-ffff-ffff-ffff-ffffffffffff']

const toPlace = (key: CursorKey | undefined) => {
  if (!key) return { end: null, upper: null, rank: null, time: null, id: null }
  const [end, upper, rank, time, id] = key
  const numberOf = (part: unknown) => (Number(part) === none ? null : Number(part))
  return {
    end: numberOf(end),
    upper: numberOf(upper),
    rank: Number(rank),
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
  ({ db, search }: Deps): Handler<'searchMessages'> =>
  async ({ query, user }, reply) => {
    const { q, conversation_id: conversationId = null, archived = null, limit } = query
    const { after = null, before = null } = query
    const scope = [
      'searchMessages',
      user.id,
      q,
      String(conversationId),
      String(archived),
      String(after),
      String(before),
    ]
    const key = query.cursor === undefined ? undefined : decodeCursor(scope, keyShape, query.cursor)
    const { end, upper, rank, time, id } = toPlace(key)
    const parsed = parseQuery(q)
    const [found] = await db.statement(
      (sql) => sql<[Found]>`
        select results, window_end, unsealed, is_complete, has_stale
        from colloquy.search_messages(
          p_user_id => ${user.id}, p_terms => ${sql.json(parsed.terms as never)}, p_phrase => ${parsed.phrase},
          p_word => ${word}, p_conversation_id => ${conversationId}, p_archived => ${archived}, p_after => ${after},
          p_before => ${before}, p_upper => ${upper}, p_lower => ${end},
          p_rank => ${rank}, p_time => ${time}, p_id => ${id}, p_limit => ${limit})`,
      'others',
    )
    if (found.has_stale || found.unsealed >= segmentEntries) search.begin(user.id)

    const matches = found.results.slice(0, limit)
    const last = matches.at(-1)
    const hasMore = found.results.length > limit && last !== undefined
    const next: CursorKey | undefined = hasMore
      ? [found.window_end, upper ?? none, last.rank, last.created_at, last.id]
      : found.window_end > 1
        ? [none, found.window_end, ...first]
        : undefined
    return reply(200, {
      data: matches.map((match) => toResult(match, parsed)),
      next_cursor: next ? encodeCursor(scope, next) : null,
      is_complete: found.is_complete,
    })
  }
