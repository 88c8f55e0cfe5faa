import type { Database } from '../../db/database.js'
import type { Usage } from '../../models/model.js'

export interface ClaimSummary {
  userId: string
  conversationId: string
  /** names the claim */
  claim: string
  leaseMs: number
  /** the position up to which, without it, the summary is to count */
  before: number
  maxBytes: number
}

/** What there is to sum up; see claim_summary.sql. */
export interface ClaimedSummary {
  /** the summary so far */
  summary: string | null
  history: { user: string; assistant: string; tools: string | null }[]
}

/** Claims a conversation's next summary; undefined when there is nothing to do. */
export const claimSummary = async (
  db: Database,
  { userId, conversationId, claim, leaseMs, before, maxBytes }: ClaimSummary,
): Promise<ClaimedSummary | undefined> => {
  const [row] = await db.statement(
    (sql) => sql<ClaimedSummary[]>`
      select summary, history
      from colloquy.claim_summary(
        p_user_id => ${userId}, p_conversation_id => ${conversationId}, p_claim => ${claim},
        p_lease_ms => ${leaseMs}, p_before => ${before}, p_bytes => ${maxBytes})`,
    'others',
  )
  return row
}

export interface StoreSummary extends Pick<ClaimSummary, 'userId' | 'conversationId' | 'claim'> {
  messageId: string
  /** null when the model gave none: only the usage is counted */
  text: string | null
  windowTokens: number
  /** the position up to which it counts */
  through: number
  model: string
  usage: Usage
}

/** Stores a summary as a message, unless the claim has been taken over; store_summary.sql says more. */
export const storeSummary = async (
  db: Database,
  { userId, conversationId, claim, messageId, text, windowTokens, through, model, usage }: StoreSummary,
): Promise<void> => {
  await db.statement(
    (sql) => sql`
      select colloquy.store_summary(
        p_user_id => ${userId}, p_conversation_id => ${conversationId}, p_claim => ${claim},
        p_message_id => ${messageId}, p_text => ${text}, p_window_tokens => ${windowTokens},
        p_through => ${through}, p_model => ${model},
        p_input_tokens => ${usage.input_tokens}, p_output_tokens => ${usage.output_tokens},
        p_cached_input_tokens => ${usage.cached_input_tokens}, p_reasoning_tokens => ${usage.reasoning_tokens},
        p_total_tokens => ${usage.total_tokens}, p_cost => ${usage.cost})`,
    'others',
  )
}
