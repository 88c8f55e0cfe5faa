import type { Database } from '../../db/database.js'
import type { ToolCall } from '../../models/model.js'
import type { TraceSpan } from '../../tracing/tracing.js'
import type { LimitRefusal, TotalBudget, UserLimits } from '../limits.js'
import type { RetentionRule } from '../retention-rule.js'
import type { Place, TurnIds, WindowState, WindowTurn } from '../types.js'
import { asJson } from './as-json.js'

/** An entry of begin_turns.sql. */
export interface BeginTurn extends TurnIds {
  userId: string
  isNewConversation: boolean
  /** empty when an earlier turn's message is answered again */
  message: string
  /** where it begins; undefined: at the end of the conversation's active branch */
  place?: Place | undefined
  /** the title of a conversation that has none; null when there is no message to make it of */
  title: string | null
  /** the model, unless the key's turn already has one */
  model: string
  leaseMs: number
  historyMessages: number
  historyTokens: number
  /** the whole window of the model, in tokens */
  windowSize: number
  /** hexadecimal hashes of the client's Idempotency-Key and of the request that has to be repeated with it */
  idempotency?: { keyHash: string; fingerprint: string } | undefined
  /** what it is counted against; undefined: nothing */
  limits?: UserLimits | undefined
  /** how long its conversation is kept; undefined: for ever */
  retention?: RetentionRule | undefined
  /** of a new conversation; otherwise what the conversation's has to be. undefined: none, or whatever it is */
  assistant?: string | undefined
  /**
   * by the name of each assistant, what a turn in its conversation begins with; null where the assistant does not allow the model that is
   * asked for
   */
  assistants?:
    | Readonly<Record<string, Pick<BeginTurn, 'model' | 'historyTokens' | 'windowSize'> | null>>
    | undefined
  /** the model that the message asks for; not stored */
  askedModel?: string | undefined
  /** of the user's token; not stored */
  claims?: Readonly<Record<string, unknown>> | undefined
  /** what it may cost at most, in microunits; undefined when there is no budget to keep it within */
  reserved?: number | undefined
  /** the budget for all users; undefined: none */
  totalBudget?: TotalBudget | undefined
  /** whether it was counted as waiting */
  hasWaited?: boolean
  /** where it is traced; not stored */
  span?: TraceSpan
}

/** A result of begin_turns.sql, which documents the outcomes. */
export type Begun =
  | { outcome: 'not-found' | 'message-not-found' | 'unfit-message' | 'mismatch' | 'locked' }
  | { outcome: 'other-assistant' | 'assistant-unavailable' }
  | { outcome: 'unfit-model'; assistant: string }
  | { outcome: 'limited'; refusal: LimitRefusal }
  | { outcome: 'ended'; conversation_id: string; turn_id: string }
  /** `is_lapsed`: the running turn's lease has expired */
  | { outcome: 'busy' | 'attached'; conversation_id: string; turn_id: string; is_lapsed: boolean }
  | {
      outcome: 'begun'
      conversation_id: string
      turn_id: string
      user_message_id: string
      message_id: string
      attempt: number
      /** the model that the turn's last attempt asked; the requested one in the first attempt */
      model: string
      /** the message that is answered, where it is an earlier turn's; otherwise null */
      message: string | null
      /** the conversation's; null for none */
      assistant: string | null
      history: WindowTurn[]
      window_state: WindowState
      /** calls of earlier attempts that must not be repeated, in order */
      done_calls: ToolCall[]
    }

const toChoices = (assistants: BeginTurn['assistants']) =>
  assistants &&
  Object.fromEntries(
    Object.entries(assistants).map(([name, choice]) => [
      name,
      choice && {
        model: choice.model,
        window_size: choice.windowSize,
        history_tokens: choice.historyTokens,
      },
    ]),
  )

const toEntry = (turn: BeginTurn) => ({
  user_id: turn.userId,
  conversation_id: turn.conversationId,
  is_new: turn.isNewConversation,
  turn_id: turn.turnId,
  user_message_id: turn.userMessageId,
  message_id: turn.messageId,
  message: turn.message,
  title: turn.title,
  place: turn.place?.kind,
  target_id: turn.place?.messageId,
  model: turn.model,
  lease_ms: turn.leaseMs,
  history_messages: turn.historyMessages,
  history_tokens: turn.historyTokens,
  window_size: turn.windowSize,
  key_hash: turn.idempotency?.keyHash,
  fingerprint: turn.idempotency?.fingerprint,
  assistant: turn.assistant,
  assistants: toChoices(turn.assistants),
  has_waited: turn.hasWaited,
  running_turns: turn.limits?.runningTurns,
  turns_per_minute: turn.limits?.turnsPerMinute,
  turns_per_day: turn.limits?.turnsPerDay,
  tokens_per_day: turn.limits?.tokensPerDay,
  retention: turn.retention,
  reserved: turn.reserved,
  budget_per_day: turn.limits?.budgetPerDay,
  budget_per_month: turn.limits?.budgetPerMonth,
  total_per_day: turn.totalBudget?.perDay,
  total_per_month: turn.totalBudget?.perMonth,
})

/** Others have taken what was left of the budget for all users, since it was looked at; see begin_turns.sql. */
const isTotalTaken = (error: unknown): boolean => (error as { code?: unknown }).code === 'CQ001'

/** When they are done, some of it may be free again. */
const totalTaken = ({ totalBudget }: BeginTurn): LimitRefusal => ({
  limit: 'budget',
  max: totalBudget?.perDay ?? totalBudget?.perMonth ?? 0,
  reset_s: null,
  lapsed: [],
})

const isTakenId = (error: unknown): boolean =>
  // On Citus a constraint's name ends with the shard's number.
  /^turns_pkey(_\d+)?$/.test(String((error as { constraint_name?: unknown }).constraint_name))

/** Begins turns in one round trip: locks their conversations, writes keys and messages, reads the history windows. */
export const beginTurns = async (
  db: Database,
  turns: readonly BeginTurn[],
  mayWait: boolean,
  refusal?: LimitRefusal,
): Promise<Begun[]> => {
  try {
    const entries = turns.map((turn) => ({ ...toEntry(turn), refusal }))
    const rows = await db.statement(
      (sql) => sql<({ entry: number } & Begun)[]>`
        select entry, outcome, conversation_id, turn_id, user_message_id, message_id, attempt, model, history,
          done_calls, is_lapsed, window_state, refusal, message, assistant
        from colloquy.begin_turns(
          p_entries => ${asJson(sql, entries)}, p_may_wait => ${mayWait},
          p_user_id => ${turns[0]?.userId ?? ''})
        order by entry`,
    )
    return [...rows]
  } catch (error) {
    const [turn] = turns
    if (turn && turns.length === 1 && isTotalTaken(error))
      return beginTurns(db, turns, mayWait, totalTaken(turn))
    // The ids are unique to one begin. If they exist, it was stored by an earlier try, and the turn has been ended since.
    if (!turn || turns.length > 1 || !isTakenId(error)) throw error
    return [{ outcome: 'ended', conversation_id: turn.conversationId, turn_id: turn.turnId }]
  }
}
