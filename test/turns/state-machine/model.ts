import type { ModelUsage, Usage } from '../../../src/models/model.js'
import { type Answer, emptyAnswer } from '../../../src/turns/events.js'
import { hasBudget, type LimitRefusal } from '../../../src/turns/limits.js'
import type { Begun } from '../../../src/turns/store/begin-turns.js'
import type { CancelOutcome } from '../../../src/turns/store/cancel-turn.js'
import type { Ended, EndTurn } from '../../../src/turns/store/end-turns.js'
import type { TurnErrorCode } from '../../../src/turns/turn-errors.js'
import type { EndStatus, Fate, WindowState, WindowTurn } from '../../../src/turns/types.js'
import { inOrder, together } from './batches.js'
import { cannotBeStored, type Limits, type Request } from './requests.js'
import type {
  ConversationRow,
  CountsRow,
  EventsRow,
  KeyRow,
  MessageRow,
  RemovalRow,
  ReservationRow,
  SpendingRow,
  Stored,
  TurnRow,
  UsageRow,
} from './stored.js'

/**
 * What the engine's functions promise, as plain data in memory: each method answers as the function of the same name
 * does and changes the same rows. Times are Dates of the test's own clock.
 */

/** PostgreSQL refuses the text: nothing of the entry is written. */
type Unstorable = { outcome: 'unstorable' }
/** `refused`: something that it would write is there already, which no sound engine says. */
export type BeginAnswer = Begun | Unstorable | { outcome: 'refused' }
export type EndAnswer = Ended | Unstorable

/** What an attempt has said by its first tick, in pieces; nothing is said after it. */
export const said = (attempt: number): string[] => [`attempt ${attempt} `, 'said “this”']

/** One run of a turn, as its begin was answered. */
export interface Attempt {
  userId: string
  conversationId: string
  turnId: string
  attempt: number
  model: string
  message: string
}

/** What one tick tells an instance of the attempts that it runs, reads, and waits for. */
export interface Tick {
  held: ('cancel' | 'lost' | null)[]
  read: { said: string; state: 'ended' | 'lapsed' | null }[]
  awaited: ('ended' | 'lapsed' | null)[]
}

/** Long past, since row-level security lets go of expired keys by the server's clock. */
export const startOfTime = Date.UTC(2024, 10, 1)
export const day = 86_400_000
const minute = 60_000
const wholeDay = day

const noUsage: Usage = {
  input_tokens: null,
  output_tokens: null,
  cached_input_tokens: null,
  reasoning_tokens: null,
  total_tokens: null,
  cost: null,
}
const noTokens = {
  input_tokens: 0,
  output_tokens: 0,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
}
const order = <Row extends object>(rows: Iterable<Row>, ...columns: (keyof Row)[]): Row[] =>
  [...rows].sort((a, b) => {
    const column = columns.find((name) => a[name] !== b[name])
    return column === undefined ? 0 : a[column] < b[column] ? -1 : 1
  })

/** How an attempt ends, whoever ends it. */
interface End
  extends Pick<
    EndTurn,
    'model' | 'status' | 'answer' | 'cost' | 'windowTokens' | 'historyCalls' | 'windowStart'
  > {
  errorCode: TurnErrorCode | null
}

/** A message as its branch is walked; a turn that runs has its answer's place already. */
type Node = Pick<MessageRow, 'id' | 'parent_id' | 'position' | 'conversation_id'>

interface Rows {
  conversations: Map<string, ConversationRow>
  turns: Map<string, TurnRow>
  keys: Map<string, KeyRow & { fingerprint: string }>
  messages: MessageRow[]
  /** what running attempts are known to have said */
  kept: EventsRow[]
  usage: Map<string, UsageRow>
  counts: Map<string, CountsRow>
  /** the newest message of each conversation's active branch */
  leaves: Map<string, string | null>
  removals: Map<string, RemovalRow>
  /** of the budget for all users, by month */
  spending: Map<string, SpendingRow>
  /** of that budget, of turns that were deleted while they ran */
  reservations: Map<string, ReservationRow>
}

export const createModel = ({ leaseMs, historyMessages, historyTokens, windowSize }: Limits) => {
  let rows: Rows = {
    conversations: new Map(),
    turns: new Map(),
    keys: new Map(),
    messages: [],
    kept: [],
    usage: new Map(),
    counts: new Map(),
    leaves: new Map(),
    removals: new Map(),
    spending: new Map(),
    reservations: new Map(),
  }
  let now = startOfTime

  const at = (ms: number) => new Date(ms)
  const hasExpired = (id: string) => {
    const expiresAt = rows.conversations.get(id)?.expires_at
    return expiresAt != null && expiresAt.getTime() <= now
  }
  const conversationOf = (userId: string, id: string) => {
    const found = rows.conversations.get(id)
    return found?.user_id === userId && !hasExpired(id) ? found : undefined
  }
  const turnOf = (userId: string, id: string) => {
    const found = rows.turns.get(id)
    return found?.user_id === userId ? found : undefined
  }
  /** The turn, for who asks for it by its id. */
  const shownTurnOf = (userId: string, id: string) => {
    const found = turnOf(userId, id)
    return found && !hasExpired(found.conversation_id) ? found : undefined
  }
  const expiryOf = (own: Date | null, { retention }: Pick<Request, 'retention'>): Date | null => {
    const times = [own?.getTime(), retention && now + retention.days * day].filter(
      (time) => time !== undefined,
    )
    return times.length === 0 ? null : at(Math.min(...times))
  }
  /** Sees to it that it is looked at when it expires. */
  const schedule = ({ user_id, id, expires_at }: ConversationRow): void => {
    const known = rows.removals.get(id)
    if (expires_at === null || (known && known.remove_at <= expires_at)) return
    rows.removals.set(id, { user_id, conversation_id: id, remove_at: expires_at })
  }
  /** With another turn. A removal that is known for an earlier time stays. */
  const putOff = (conversation: ConversationRow, request: Request): void => {
    const before = conversation.expires_at
    conversation.expires_at = expiryOf(conversation.own_expires_at, request)
    const { expires_at } = conversation
    if (expires_at !== null && (before === null || expires_at < before)) schedule(conversation)
  }
  /** Until its end tells what it cost; a day later nobody does. */
  const keepReservation = ({ id: turn_id, attempt, reserved, reserved_on }: TurnRow): void => {
    if (!reserved || reserved_on === null) return
    for (const row of rows.reservations.values())
      if (row.reserved_on < dayOf(now - day)) rows.reservations.delete(row.turn_id)
    rows.reservations.set(turn_id, { turn_id, attempt, reserved, reserved_on })
  }
  const deleteRows = (id: string): void => {
    rows.conversations.delete(id)
    rows.removals.delete(id)
    rows.messages = rows.messages.filter(({ conversation_id }) => conversation_id !== id)
    for (const turn of rows.turns.values()) {
      if (turn.conversation_id !== id) continue
      // What it has reserved may still be billed.
      if (turn.status === 'running' && turn.reserved !== null)
        addUsage({ ...turn, attempt: 0 }, turn.model, { ...noUsage, cost: turn.reserved })
      if (turn.status === 'running') keepReservation(turn)
      rows.turns.delete(turn.id)
    }
    rows.kept = rows.kept.filter(({ turn_id }) => rows.turns.has(turn_id))
  }
  const isLapsed = ({ lease_until }: TurnRow) => lease_until !== null && lease_until.getTime() < now
  const keyName = ({ userId, idempotency }: Request) => idempotency && `${userId} ${idempotency.keyHash}`

  const messageOf = (id: string | null) => rows.messages.find((message) => message.id === id)
  /** The messages before this one on its branch, newest first. */
  const ancestorsOf = ({ parent_id }: Node): MessageRow[] => {
    const parent = messageOf(parent_id)
    return parent ? [parent, ...ancestorsOf(parent)] : []
  }

  /** The newest whole turns that were completed, or cancelled with some text, as far as they fit; and whether that is all. */
  const historyBefore = (
    { user_message_id, position }: TurnRow,
    start: number | null,
  ): { history: WindowTurn[]; window_state: WindowState } => {
    const question = messageOf(user_message_id)
    const answers = (question ? ancestorsOf(question) : [])
      .slice(0, 4 * historyMessages)
      .filter(
        (m) =>
          m.role === 'assistant' &&
          m.position >= (start ?? 1) &&
          (m.status === 'completed' || (m.status === 'cancelled' && m.content !== '')),
      )
    const history: WindowTurn[] = []
    let tokens = 0
    for (const answer of answers.slice(0, historyMessages / 2)) {
      tokens += answer.window_tokens
      if (tokens > historyTokens) break
      const asked = messageOf(answer.parent_id)
      const tool_calls = answer.history_calls ?? answer.tool_calls
      const hasCalls = answer.tool_calls.length > 0
      const place = { position: asked?.position ?? 0, tokens: answer.window_tokens }
      history.unshift({
        user: asked?.content ?? '',
        assistant: answer.content,
        ...place,
        ...(hasCalls && { tool_calls, continuation: null }),
      })
    }
    const is_whole = history.length === answers.length
    return { history, window_state: { position, start, is_whole, summary: null } }
  }

  const begun = (turn: TurnRow): Begun => ({
    outcome: 'begun',
    conversation_id: turn.conversation_id,
    turn_id: turn.id,
    user_message_id: turn.user_message_id,
    message_id: turn.message_id,
    attempt: turn.attempt,
    model: turn.model,
    message: turn.answer_position === null ? null : (messageOf(turn.user_message_id)?.content ?? null),
    done_calls: turn.done_calls,
    assistant: rows.conversations.get(turn.conversation_id)?.assistant ?? null,
    ...historyBefore(turn, turn.window_starts?.[windowSize] ?? null),
  })

  const write = (
    { user_id, id: turn_id, conversation_id }: TurnRow,
    message: Omit<MessageRow, 'user_id' | 'conversation_id' | 'turn_id' | 'created_at'>,
  ): void => void rows.messages.push({ user_id, conversation_id, turn_id, created_at: at(now), ...message })

  const addUsage = (
    { user_id, attempt }: Pick<TurnRow, 'user_id' | 'attempt'>,
    model: string,
    tokens: Usage,
  ): void => {
    const day = at(now).toISOString().slice(0, 10)
    const name = `${user_id} ${day} ${model}`
    const sum = rows.usage.get(name) ?? { user_id, day, model, turns: 0, ...noTokens, cost: null }
    sum.turns += attempt === 1 ? 1 : 0
    for (const kind of Object.keys(noTokens) as (keyof ModelUsage)[]) sum[kind] += tokens[kind] ?? 0
    if (tokens.cost !== null) sum.cost = (sum.cost ?? 0) + tokens.cost
    rows.usage.set(name, sum)
  }

  /** Adds to what all users have spent on a day of their common budget. */
  const spend = (date: string, amount: number): void => {
    const month = date.slice(0, 7)
    const row = rows.spending.get(month) ?? { month, spent: 0, days: Array<number>(31).fill(0) }
    const at = Number(date.slice(8)) - 1
    row.spent += amount
    row.days[at] = (row.days[at] ?? 0) + amount
    rows.spending.set(month, row)
  }

  const end = (
    turn: TurnRow,
    { status, answer, cost, model, errorCode, windowTokens, historyCalls, windowStart }: End,
  ): void => {
    if (turn.reserved_on !== null) spend(turn.reserved_on, (cost ?? 0) - (turn.reserved ?? 0))
    Object.assign(turn, answer.usage, {
      cost,
      reserved: null,
      reserved_on: null,
      status,
      lease_until: null,
      finished_at: at(now),
      error_code: errorCode,
    })
    if (windowStart !== null) turn.window_starts = { ...turn.window_starts, [windowSize]: windowStart }
    write(turn, {
      id: turn.message_id,
      position: turn.answer_position ?? turn.position + 1,
      parent_id: turn.user_message_id,
      role: 'assistant',
      status,
      content: answer.text,
      tool_calls: answer.tool_calls,
      window_tokens: windowTokens,
      history_calls: historyCalls,
    })
    rows.kept = rows.kept.filter(({ turn_id }) => turn_id !== turn.id)
    addUsage(turn, model, { ...answer.usage, cost })
  }

  const dayOf = (ms: number): string => at(ms).toISOString().slice(0, 10)

  /** What a user's turns count, and the limit that one more would pass; undefined when none would. */
  const count = ({
    userId,
    turnId,
    limits,
    reserved,
  }: Request): { isCounted: boolean; refusal?: LimitRefusal } => {
    if (!limits) return { isCounted: false }
    const isNew = !rows.counts.has(userId)
    const day = dayOf(now)
    const counts = rows.counts.get(userId) ?? {
      ...{ user_id: userId, running: [], minute_started_at: at(now), minute_turns: 0, day, day_turns: 0 },
    }
    rows.counts.set(userId, counts)
    if (counts.running.includes(turnId)) return { isCounted: false }
    const isMinuteOver = counts.minute_started_at.getTime() <= now - minute
    const minuteTurns = isMinuteOver ? 0 : counts.minute_turns
    const dayTurns = counts.day < day ? 0 : counts.day_turns
    const { turnsPerMinute, turnsPerDay, tokensPerDay, runningTurns } = limits
    const hasOwn = hasBudget(limits)
    const isFar = counts.running.length < Math.min(runningTurns, 64)
    const isUnrated = turnsPerMinute === null && turnsPerDay === null && tokensPerDay === null
    if (isFar && isUnrated && !hasOwn && !isNew) {
      counts.running = [...counts.running, turnId]
      return { isCounted: true }
    }
    const running =
      isFar && !hasOwn
        ? counts.running
        : counts.running.filter((id) => rows.turns.get(id)?.status === 'running')
    const tokens = [...rows.usage.values()].filter((row) => row.user_id === userId && row.day === day)
    const toMidnight = Math.ceil((wholeDay - (now % wholeDay)) / 1000)
    const refuse = (limit: LimitRefusal['limit'], max: number, reset_s: number | null) => ({
      isCounted: false,
      refusal: {
        ...{ limit, max, reset_s },
        lapsed:
          limit === 'running-turns' || limit.startsWith('budget')
            ? running.filter((id) => isLapsed(rows.turns.get(id) as TurnRow)).sort()
            : [],
      },
    })
    if (running.length >= runningTurns) return refuse('running-turns', runningTurns, null)
    if (turnsPerMinute !== null && minuteTurns >= turnsPerMinute) {
      const left = counts.minute_started_at.getTime() + minute - now
      return refuse('turns-per-minute', turnsPerMinute, Math.ceil(left / 1000))
    }
    if (turnsPerDay !== null && dayTurns >= turnsPerDay)
      return refuse('turns-per-day', turnsPerDay, toMidnight)
    if (tokensPerDay !== null && tokens.reduce((sum, row) => sum + row.total_tokens, 0) >= tokensPerDay)
      return refuse('tokens-per-day', tokensPerDay, toMidnight)
    const { budgetPerDay: daily, budgetPerMonth: monthly } = limits
    if (reserved !== undefined && hasOwn) {
      const spentSince = (first: string) =>
        [...rows.usage.values()]
          .filter((row) => row.user_id === userId && row.day >= first)
          .reduce((sum, row) => sum + (row.cost ?? 0), 0)
      const held = running.reduce((sum, id) => sum + (rows.turns.get(id)?.reserved ?? 0), 0)
      const [today, thisMonth] = [spentSince(day), spentSince(`${day.slice(0, 7)}-01`)]
      if (typeof daily === 'number' && today + held + reserved > daily)
        return refuse('budget-per-day', daily, today + reserved > daily ? toMidnight : null)
      if (typeof monthly === 'number' && thisMonth + held + reserved > monthly) {
        const next = Date.UTC(at(now).getUTCFullYear(), at(now).getUTCMonth() + 1)
        return refuse(
          'budget-per-month',
          monthly,
          thisMonth + reserved > monthly ? Math.ceil((next - now) / 1000) : null,
        )
      }
    }
    Object.assign(counts, {
      running: [...running, turnId],
      minute_started_at: isMinuteOver ? at(now) : counts.minute_started_at,
      minute_turns: minuteTurns + (turnsPerMinute === null ? 0 : 1),
      day,
      day_turns: dayTurns + (turnsPerDay === null ? 0 : 1),
    })
    return { isCounted: true }
  }

  /** The refusal where the budget for all users has too little left. */
  const refuseTotal = ({ totalBudget, reserved = 0 }: Request): LimitRefusal | undefined => {
    if (!totalBudget) return undefined
    const date = dayOf(now)
    const row = rows.spending.get(date.slice(0, 7))
    const over = (spent: number, max: number | null): max is number => max !== null && spent + reserved > max
    const until = (end: number) => Math.ceil((end - now) / 1000)
    const { perDay, perMonth } = totalBudget
    const refuse = (max: number, end: number): LimitRefusal => ({
      ...{ limit: 'budget', max, reset_s: until(end), lapsed: [] },
    })
    if (over(row?.days[Number(date.slice(8)) - 1] ?? 0, perDay))
      return refuse(perDay, now - (now % wholeDay) + wholeDay)
    if (over(row?.spent ?? 0, perMonth))
      return refuse(perMonth, Date.UTC(at(now).getUTCFullYear(), at(now).getUTCMonth() + 1))
    return undefined
  }

  /** What becomes of a count, once it is known which turn the request has begun. */
  const settle = ({ userId, turnId, limits }: Request, begunId: string | undefined): void => {
    const counts = rows.counts.get(userId)
    if (!counts) return
    const others = counts.running.filter((id) => id !== turnId && id !== begunId)
    if (begunId === undefined) {
      counts.running = counts.running.filter((id) => id !== turnId)
      counts.minute_turns -= limits?.turnsPerMinute == null ? 0 : 1
      counts.day_turns -= limits?.turnsPerDay == null ? 0 : 1
      if (counts.running.length + counts.minute_turns + counts.day_turns === 0) rows.counts.delete(userId)
    } else counts.running = [...others, begunId]
  }

  const reservedOn = ({ totalBudget }: Request): string | null => (totalBudget ? dayOf(now) : null)

  const resume = (
    key: KeyRow & { fingerprint: string },
    request: Request,
    refusal: LimitRefusal | undefined,
  ): Begun & { isRepeated?: boolean } => {
    if (key.fingerprint !== request.idempotency?.fingerprint) return { outcome: 'mismatch' }
    const turn = rows.turns.get(key.turn_id)
    if (!turn || hasExpired(turn.conversation_id)) return { outcome: 'not-found' }
    const ids = { conversation_id: turn.conversation_id, turn_id: turn.id }
    if (turn.status === 'running') {
      if (turn.begun_by === request.turnId) return { ...begun(turn), isRepeated: true }
      return { outcome: 'attached', ...ids, is_lapsed: isLapsed(turn) }
    }
    const conversation = rows.conversations.get(turn.conversation_id)
    const isLast = conversation?.last_turn_id === turn.id
    if (turn.status === 'completed' || turn.status === 'cancelled' || !isLast) {
      return { outcome: 'ended', ...ids }
    }
    if (conversation.assistant !== null) {
      const chosen = choose({ ...request, assistant: undefined }, conversation.assistant)
      if ('outcome' in chosen) return chosen
    }
    if (refusal) return { outcome: 'limited', refusal }
    const former = rows.messages.find(({ id }) => id === turn.message_id)?.tool_calls ?? []
    rows.messages = rows.messages.filter(({ id }) => id !== turn.message_id)
    Object.assign(turn, noUsage, {
      status: 'running',
      attempt: turn.attempt + 1,
      begun_by: request.turnId,
      lease_until: at(now + leaseMs),
      cancel_requested: false,
      reserved: request.reserved ?? null,
      reserved_on: reservedOn(request),
      finished_at: null,
      error_code: null,
      done_calls: [
        ...turn.done_calls,
        ...former.filter((call) => 'result' in call && call.replayed === undefined),
      ],
    })
    Object.assign(conversation, { updated_at: at(now), last_turn_at: at(now) })
    putOff(conversation, request)
    rows.leaves.set(turn.conversation_id, turn.message_id)
    return begun(turn)
  }

  /** The conversation with the positions of another turn given out; it may be new. */
  const take = (request: Request, conversation: ConversationRow | undefined): ConversationRow => {
    const { userId, conversationId, title, turnId, messageId, place } = request
    rows.leaves.set(conversationId, messageId)
    const touched = { last_turn_id: turnId, updated_at: at(now), last_turn_at: at(now) }
    if (conversation) {
      putOff(conversation, request)
      return Object.assign(conversation, touched, {
        last_position: conversation.last_position + (place?.kind === 'again' ? 1 : 2),
      })
    }
    const made = {
      user_id: userId,
      id: conversationId,
      title,
      assistant: request.assistant ?? null,
      last_position: 2,
      created_at: at(now),
      own_expires_at: null,
      expires_at: expiryOf(null, request),
      ...touched,
    }
    rows.conversations.set(conversationId, made)
    schedule(made)
    return made
  }

  /** The model that a conversation's assistant has, or what stands against a turn in it. */
  const choose = (
    { assistant: asked, assistants, model }: Request,
    assistant: string | null,
  ): { model: string } | Begun => {
    if (asked !== undefined && asked !== assistant) return { outcome: 'other-assistant' }
    if (assistant === null) return { model }
    const choice = assistants?.[assistant]
    if (choice === undefined) return { outcome: 'assistant-unavailable' }
    return choice ?? { outcome: 'unfit-model', assistant }
  }

  /** The message that a turn follows, the turn that it goes on from, and the question that it answers again. */
  const placeOf = ({ place, conversationId }: Request) => {
    const leaf = rows.leaves.get(conversationId) ?? null
    if (place?.kind === 'start') return { parent: undefined, before: undefined, question: undefined }
    const target = messageOf(place?.messageId ?? leaf)
    if (!place) return { parent: target, before: rows.turns.get(target?.turn_id ?? ''), question: undefined }
    if (target?.conversation_id !== conversationId) return 'message-not-found'
    const before = rows.turns.get(target.turn_id)
    if (place.kind === 'after')
      return target.role === 'assistant' ? { parent: target, before, question: undefined } : 'unfit-message'
    const question = target.role === 'user' ? target : messageOf(target.parent_id)
    return { parent: question, before, question }
  }

  /** `locked` never comes where nobody else is; `fails` where the ids are taken, which fails a batch. */
  const begin = (request: Request): Begun | { outcome: 'fails' } => {
    const { isCounted, refusal } = count(request)
    const { isRepeated, ...answer } = beginCounted(request, refusal ?? refuseTotal(request))
    const begunId = answer.outcome === 'begun' && !isRepeated ? answer.turn_id : undefined
    if (isCounted) settle(request, begunId)
    if (begunId !== undefined && request.totalBudget) spend(dayOf(now), request.reserved ?? 0)
    return answer
  }

  const beginCounted = (
    request: Request,
    refusal: LimitRefusal | undefined,
  ): (Begun | { outcome: 'fails' }) & { isRepeated?: boolean } => {
    const { userId, conversationId, turnId, userMessageId, messageId, message, idempotency } = request
    const name = keyName(request)
    const used = name === undefined ? undefined : rows.keys.get(name)
    if (used) return resume(used, request, refusal)
    const conversation = conversationOf(userId, conversationId)
    if (!conversation && !request.isNewConversation) return { outcome: 'not-found' }
    if (hasExpired(conversationId))
      return refusal ? { outcome: 'limited', refusal } : { outcome: 'not-found' }
    const last = rows.turns.get(conversation?.last_turn_id ?? '')
    const ids = { conversation_id: conversationId, turn_id: turnId }
    if (last?.begun_by === turnId)
      return last.status === 'running' ? { ...begun(last), isRepeated: true } : { outcome: 'ended', ...ids }
    const place = placeOf(request)
    const awaits = last?.status === 'running' && last.message_id === request.place?.messageId
    if (typeof place === 'string' && !awaits) return { outcome: place }
    const chosen = conversation ? choose(request, conversation.assistant) : request
    if ('outcome' in chosen) return chosen
    if (last?.status === 'running') {
      return { outcome: 'busy', conversation_id: conversationId, turn_id: last.id, is_lapsed: isLapsed(last) }
    }
    if (refusal) return { outcome: 'limited', refusal }
    if (typeof place === 'string' || rows.turns.has(turnId)) return { outcome: 'fails' }
    const { parent, before, question } = place

    const { last_position } = take(request, conversation)
    const turn: TurnRow = {
      ...noUsage,
      user_id: userId,
      id: turnId,
      conversation_id: conversationId,
      position: question?.position ?? last_position - 1,
      answer_position: question ? last_position : null,
      status: 'running',
      attempt: 1,
      begun_by: turnId,
      lease_until: at(now + leaseMs),
      cancel_requested: false,
      user_message_id: question?.id ?? userMessageId,
      message_id: messageId,
      model: chosen.model,
      done_calls: [],
      window_starts: before?.window_starts ?? null,
      error_code: null,
      reserved: request.reserved ?? null,
      reserved_on: reservedOn(request),
      created_at: at(now),
      finished_at: null,
    }
    rows.turns.set(turnId, turn)
    if (!question) {
      write(turn, {
        id: userMessageId,
        position: turn.position,
        parent_id: parent?.id ?? null,
        role: 'user',
        status: 'completed',
        content: message,
        tool_calls: [],
        window_tokens: 0,
        history_calls: null,
      })
    }
    if (name !== undefined && idempotency) {
      rows.keys.set(name, {
        user_id: userId,
        key_hash: idempotency.keyHash,
        fingerprint: idempotency.fingerprint,
        conversation_id: conversationId,
        turn_id: turnId,
        created_at: at(now),
      })
    }
    return begun(turn)
  }

  const beginAlone = (request: Request): BeginAnswer => {
    if (cannotBeStored(request.message)) return { outcome: 'unstorable' }
    const before = structuredClone(rows)
    const answer = begin(request)
    if (answer.outcome !== 'fails') return answer
    rows = before
    return { outcome: 'ended', conversation_id: request.conversationId, turn_id: request.turnId }
  }

  const endOne = (turn: EndTurn): Ended => {
    const found = turnOf(turn.userId, turn.turnId)
    if (!found) {
      const kept = rows.reservations.get(turn.turnId)
      if (kept?.attempt === turn.attempt) {
        rows.reservations.delete(turn.turnId)
        if (turn.cost !== null) spend(kept.reserved_on, turn.cost - kept.reserved)
      }
      return { outcome: 'not-found' }
    }
    if (found.attempt !== turn.attempt) return { outcome: 'fenced' }
    if (found.status !== 'running') return { outcome: found.status === turn.status ? 'stored' : 'fenced' }
    end(found, turn)
    return { outcome: 'stored' }
  }

  const endAlone = (turn: EndTurn): EndAnswer =>
    cannotBeStored(turn.answer.text) ? { outcome: 'unstorable' } : endOne(turn)

  /** Gives nothing, and changes nothing, when one entry fails. */
  const allOrNothing = <Given>(work: () => Given | undefined): Given | undefined => {
    const before = structuredClone(rows)
    const given = work()
    if (given === undefined) rows = before
    return given
  }

  return {
    now: () => now,
    advance(ms: number): void {
      now += ms
    },

    begin: beginAlone,

    beginTogether: (requests: readonly Request[]): BeginAnswer[] =>
      together(requests, beginAlone, (rest) =>
        allOrNothing(() => {
          if (rest.some(({ message }) => cannotBeStored(message))) return undefined
          const answers: BeginAnswer[] = []
          // Nulls come last.
          for (const n of inOrder(rest, (it) => [it.idempotency?.keyHash ?? 'z', it.conversationId])) {
            const answer = begin(rest[n] as Request)
            if (answer.outcome === 'fails') return undefined
            answers[n] = answer
          }
          return answers
        }),
      ),

    end: endAlone,

    endTogether: (turns: readonly EndTurn[]): EndAnswer[] =>
      together(turns, endAlone, (rest) => {
        if (rest.some(({ answer }) => cannotBeStored(answer.text))) return undefined
        const answers: EndAnswer[] = []
        for (const n of inOrder(rest, ({ turnId }) => [turnId])) answers[n] = endOne(rest[n] as EndTurn)
        return answers
      }),

    cancel(userId: string, turnId: string): CancelOutcome {
      const turn = shownTurnOf(userId, turnId)
      if (!turn) return 'not-found'
      if (turn.status !== 'running') return 'ended'
      turn.cancel_requested = true
      return 'requested'
    },

    interrupt(userId: string, turnId: string): void {
      const turn = turnOf(userId, turnId)
      if (turn?.status !== 'running' || !isLapsed(turn)) return
      const text = rows.kept.find(({ turn_id }) => turn_id === turn.id)?.events.join('') ?? ''
      end(turn, {
        model: turn.model,
        status: 'interrupted',
        answer: { ...emptyAnswer(), text },
        cost: turn.reserved,
        errorCode: 'turn-interrupted',
        windowTokens: 0,
        historyCalls: null,
        windowStart: null,
      })
    },

    /** One tick of an instance, for the attempts that it runs, those that it reads and those whose end it waits for. */
    tick(held: Attempt[], read: Attempt[], awaited: Attempt[]): Tick {
      const isMine = (turn: TurnRow | undefined, { attempt }: Attempt): turn is TurnRow =>
        turn?.status === 'running' && turn.attempt === attempt
      for (const mine of held) {
        const turn = turnOf(mine.userId, mine.turnId)
        if (!isMine(turn, mine) || !turn.lease_until) continue
        const left = turn.lease_until.getTime() - now
        if (left < (leaseMs * 2) / 3) turn.lease_until = at(now + leaseMs)
        const { user_id, id: turn_id, attempt } = turn
        if (rows.kept.some((row) => row.turn_id === turn_id)) continue
        rows.kept.push({ user_id, turn_id, attempt, seq: 0, events: said(attempt) })
      }
      const stateOf = (turn: TurnRow | undefined) => {
        if (turn?.status !== 'running') return 'ended'
        return isLapsed(turn) ? 'lapsed' : null
      }
      return {
        held: held.map((mine) => {
          const turn = turnOf(mine.userId, mine.turnId)
          return isMine(turn, mine) ? (turn.cancel_requested ? 'cancel' : null) : 'lost'
        }),
        read: read.map((mine) => {
          const turn = turnOf(mine.userId, mine.turnId)
          const events = isMine(turn, mine) && rows.kept.some(({ turn_id }) => turn_id === mine.turnId)
          const isOver = turn?.attempt !== mine.attempt
          return { said: events ? said(mine.attempt).join('') : '', state: isOver ? 'ended' : stateOf(turn) }
        }),
        awaited: awaited.map(({ userId, turnId }) => stateOf(turnOf(userId, turnId))),
      }
    },

    /** How many keys each batch forgets; the last one is not full. */
    prune(batch: number): number[] {
      const expired = [...rows.keys].filter(([, { created_at }]) => created_at.getTime() < now - day)
      for (const [name] of expired) rows.keys.delete(name)
      const full = Math.floor(expired.length / batch)
      return [...Array<number>(full).fill(batch), expired.length % batch]
    },

    /** Makes the newest branch of a message the active one. */
    choose(userId: string, id: string, messageId: string): boolean {
      const conversation = conversationOf(userId, id)
      const running = [...rows.turns.values()].filter((turn) => turn.status === 'running')
      const answers: Node[] = running.map((turn) => ({
        id: turn.message_id,
        parent_id: turn.user_message_id,
        position: turn.answer_position ?? turn.position + 1,
        conversation_id: turn.conversation_id,
      }))
      const all = [...rows.messages, ...answers].filter(({ conversation_id }) => conversation_id === id)
      const chosen = rows.messages.find(
        (message) => message.id === messageId && message.conversation_id === id,
      )
      if (!conversation || !chosen) return false
      const onBranch = all.filter((node) => [node, ...ancestorsOf(node)].some((one) => one.id === messageId))
      rows.leaves.set(id, order(onBranch, 'position').at(-1)?.id ?? null)
      conversation.updated_at = at(now)
      return true
    },

    deleteConversation(userId: string, id: string): boolean {
      if (!conversationOf(userId, id)) return false
      deleteRows(id)
      return true
    },

    /** Lets it expire then, whatever was said before; null: never. */
    expire(userId: string, id: string, ms: number | null): boolean {
      const conversation = conversationOf(userId, id)
      if (!conversation) {
        // Then it changes nothing, but what has expired and waits for the end of a turn is looked at once more.
        const expired = rows.conversations.get(id)
        if (expired?.user_id === userId) schedule(expired)
        return false
      }
      const own = ms === null ? null : at(ms)
      Object.assign(conversation, { own_expires_at: own, expires_at: own, updated_at: at(now) })
      schedule(conversation)
      return true
    },

    /** Removes what has expired, but for what has a turn that runs. */
    removeExpired(): void {
      for (const removal of [...rows.removals.values()]) {
        if (removal.remove_at.getTime() > now) continue
        const { expires_at, last_turn_id } = rows.conversations.get(
          removal.conversation_id,
        ) as ConversationRow
        const turn = rows.turns.get(last_turn_id)
        if (expires_at === null) rows.removals.delete(removal.conversation_id)
        else if (expires_at.getTime() > now) removal.remove_at = expires_at
        else if (turn?.status === 'running' && turn.lease_until && !isLapsed(turn))
          removal.remove_at = at(turn.lease_until.getTime() + 1)
        else deleteRows(removal.conversation_id)
      }
    },

    /** The status that getTurn shows, what became of this attempt, and what the turn is known to have said so far. */
    read({ userId, turnId, attempt }: Attempt, by: string) {
      const turn = turnOf(by, turnId)
      if (!turn || by !== userId) return { shown: undefined, fate: { kind: 'not-found' }, events: undefined }
      const status = turn.status === 'running' && isLapsed(turn) ? 'interrupted' : turn.status
      // Who waits for a turn gets its end, whatever has become of its conversation.
      const shown = shownTurnOf(by, turnId) && status
      const answer: Pick<Answer, 'text'> & { status: EndStatus } = {
        status: turn.status as EndStatus,
        text: rows.messages.find(({ id }) => id === turn.message_id)?.content ?? '',
      }
      const isOver = turn.status !== 'running' && turn.attempt === attempt
      const kind: Fate['kind'] = isOver ? 'ended' : 'superseded'
      const events = rows.kept.find(({ turn_id }) => turn_id === turnId)?.events.join('') ?? ''
      return { shown, fate: isOver ? { kind, ...answer } : { kind }, events }
    },

    /** Whether the key of this request, if it has one, is remembered. */
    remembers: (request: Request): boolean => rows.keys.has(keyName(request) ?? '') || !request.idempotency,

    /** The position of the message that many turns before this one; null for none. */
    startBefore({ turnId }: Attempt, turns: number): number | null {
      const turn = rows.turns.get(turnId)
      const question = turn && messageOf(turn.user_message_id)
      if (!question || turns === 0) return null
      const questions = ancestorsOf(question).filter(({ role }) => role === 'user')
      return (questions[turns - 1] ?? questions.at(-1) ?? question).position
    },

    /** Whether anything that the attempt has said is stored. */
    hasEvents: ({ turnId, attempt }: Attempt): boolean =>
      rows.kept.some((row) => row.turn_id === turnId && row.attempt === attempt),

    stored: (): Stored => ({
      conversations: order(rows.conversations.values(), 'user_id', 'id'),
      turns: order(rows.turns.values(), 'user_id', 'id'),
      messages: order(rows.messages, 'user_id', 'conversation_id', 'position'),
      keys: order(
        [...rows.keys.values()].map(({ fingerprint: _, ...row }) => row),
        'user_id',
        'key_hash',
      ),
      events: order(rows.kept, 'user_id', 'turn_id', 'attempt', 'seq'),
      usage: order(rows.usage.values(), 'user_id', 'day', 'model'),
      counts: order(
        [...rows.counts.values()].map((row) => ({ ...row, running: row.running.toSorted() })),
        'user_id',
      ),
      removals: order(rows.removals.values(), 'user_id', 'conversation_id'),
      spending: order(rows.spending.values(), 'month'),
      reservations: order(rows.reservations.values(), 'turn_id'),
    }),
  }
}

export type Model = ReturnType<typeof createModel>
