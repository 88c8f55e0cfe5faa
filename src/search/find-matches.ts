import type { Reads } from '../db/reads.js'
import { type Query, word } from './terms.js'

/** Where a page of results begins: in a window of the index, after a result. sql/functions/search_messages.sql explains it. */
export interface SearchPosition {
  upper: number | null
  end: number | null
  rank: number | null
  time: string | null
  id: string | null
}

export interface Search extends Partial<SearchPosition> {
  conversationId?: string | undefined
  archived?: boolean | undefined
  after?: string | undefined
  before?: string | undefined
  limit: number
}

export interface Match {
  id: string
  conversation_id: string
  /** 0 is the title */
  position: number
  rank: number
  title: string | null
  archived: boolean
  role: 'user' | 'assistant' | null
  created_at: string
  /** the piece of it around a match */
  text: string
  /** whether more of it comes before `text` */
  is_cut: boolean
  /** the words of it that have only the stem of a term */
  stemmed: string[]
}

interface Found {
  results: Match[]
  window_end: number
  unsealed: number
  is_complete: boolean
  has_stale: boolean
}

/** Searches what the user has written, in one round trip. */
export const findMatches = async (
  reads: Pick<Reads, 'statement'>,
  userId: string,
  { terms, phrase }: Query,
  search: Search,
): Promise<Found> => {
  const { conversationId = null, archived = null, after = null, before = null, limit } = search
  const { upper = null, end = null, rank = null, time = null, id = null } = search
  const [found] = await reads.statement(
    userId,
    (sql) => sql<[Found]>`
      select results, window_end, unsealed, is_complete, has_stale
      from colloquy.search_messages(
        p_user_id => ${userId}, p_terms => ${sql.json(terms as never)}, p_phrase => ${phrase}, p_word => ${word},
        p_conversation_id => ${conversationId}, p_archived => ${archived}, p_after => ${after}, p_before => ${before},
        p_upper => ${upper}, p_lower => ${end}, p_rank => ${rank}, p_time => ${time}, p_id => ${id}, p_limit => ${limit})`,
  )
  return found
}
