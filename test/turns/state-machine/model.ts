import { createHash } from 'node:crypto'
import type { PastTurn, Usage } from '../../../src/models/model.js'
import type { State } from '../../../src/turns/attempts/heartbeat.js'
import type { BeginTurn, Begun } from '../../../src/turns/store/begin-turns.js'
import type { Cancelled } from '../../../src/turns/store/cancel-turn.js'
import type { Completed, CompleteTurn, TurnError } from '../../../src/turns/store/end-turns.js'
import type { ConversationRow, EventsRow, KeyRow, MessageRow, Stored, TurnRow, UsageRow } from './stored.js'

/**
 * What the engine's functions promise, as plain data in memory: each method answers as the function of the same name
 * does and changes the same rows. Times are Dates of the test's own clock.
 */

/** `refused`: something that it would write is there already, which no sound engine says. */
export type Answer = Begun | { outcome: 'refused' }

/** What an attempt has said by its first tick, in pieces; nothing is said after it. */
export const said = (attempt: number): string[] => [`attempt ${attempt} `, 'said “this”']

/** One run of a turn, as its begin was answered. */
export interface Attempt {
  userId: string
  conversationId: string
  turnId: string
  attempt: number
}

export type Tick = { held: (State | null)[]; followed: ('ended' | null)[] }

export interface Limits {
  /** in milliseconds */
  leaseMs: number
  historyMessages: number
  historyTokens: number
}

/** Long past, since row-level security lets go of expired keys by the server's clock. */
export const startOfTime = Date.UTC(2024, 10, 1)
export const day = 86_400_000

const interruption: TurnError = {
  code: 'turn-interrupted',
  detail: 'The turn was interrupted before it was complete.',
}
const noUsage: Usage = {
  input_tokens: null,
  output_tokens: null,
  cached_input_tokens: null,
  total_tokens: null,
}
const noTokens = { input_tokens: 0, output_tokens: 0, cached_input_tokens: 0, total_tokens: 0 }
const order = <Row extends object>(rows: Iterable<Row>, ...columns: (keyof Row)[]): Row[] =>
  [...rows].sort((a, b) => {
    const column = columns.find((name) => a[name] !== b[name])
    return column === undefined ? 0 : a[column] < b[column] ? -1 : 1
  })
const fingerprint = ({ isNewConversation, conversationId, message }: BeginTurn): string =>
  `${isNewConversation ? 'new' : conversationId} ${message}`

export const createModel = ({ leaseMs, historyMessages, historyTokens }: Limits) => {
  const conversations = new Map<string, ConversationRow>()
  const turns = new Map<string, TurnRow>()
  const keys = new Map<string, KeyRow & { fingerprint: string }>()
  let messages: MessageRow[] = []
  /** what running attempts are known to have said */
  let kept: EventsRow[] = []
  const usage = new Map<string, UsageRow>()
  let now = startOfTime

  const at = (ms: number) => new Date(ms)
  const conversationOf = (userId: string, id: string) => {
    const found = conversations.get(id)
    return found?.user_id === userId ? found : undefined
  }
  const turnOf = (userId: string, id: string) => {
    const found = turns.get(id)
    return found?.user_id === userId ? found : undefined
  }
  const isAlive = ({ lease_until }: TurnRow) => lease_until !== null && lease_until.getTime() >= now
  const pastOf = (conversationId: string) =>
    messages.filter(({ conversation_id }) => conversation_id === conversationId)

  const append = (
    conversation: ConversationRow,
    message: Omit<MessageRow, 'user_id' | 'conversation_id' | 'position' | 'created_at'>,
  ) => {
    const { user_id, id: conversation_id } = conversation
    conversation.message_count += 1
    messages.push({
      user_id,
      conversation_id,
      position: conversation.message_count,
      created_at: at(now),
      ...message,
    })
  }

  /** The newest whole turns that were completed, or cancelled with some text, as far as they fit. */
  const historyBefore = (conversationId: string, position: number): PastTurn[] => {
    const past = pastOf(conversationId)
    const answers = past.filter(
      (m) =>
        m.role === 'assistant' &&
        m.position < position &&
        m.position >= position - 4 * historyMessages &&
        (m.status === 'completed' || (m.status === 'cancelled' && m.content !== '')),
    )
    const history: PastTurn[] = []
    let tokens = 0
    for (const answer of answers.reverse().slice(0, historyMessages / 2)) {
      const user = past.find(({ id }) => id === answer.parent_id)?.content ?? ''
      const { content: assistant, tool_calls } = answer
      const calls = tool_calls.length > 0 ? { tool_calls } : {}
      // As PostgreSQL writes JSON, with a space after each colon and comma; none is in these values.
      const written = calls.tool_calls ? JSON.stringify(tool_calls).replace(/[:,](?!\d\d")/g, '$& ') : ''
      tokens += Math.floor(Buffer.byteLength(user + assistant + written) / 3) + 1
      if (tokens > historyTokens) break
      history.unshift({ user, assistant, ...calls })
    }
    return history
  }

  const begun = (turn: TurnRow): Begun => ({
    outcome: 'begun',
    conversation_id: turn.conversation_id,
    turn_id: turn.id,
    user_message_id: turn.user_message_id,
    message_id: turn.message_id,
    attempt: turn.attempt,
    model: turn.model,
    done_calls: turn.done_calls,
    history: historyBefore(
      turn.conversation_id,
      messages.find(({ id }) => id === turn.user_message_id)?.position ?? 0,
    ),
  })

  const start = (turn: TurnRow, begunBy: string): void => {
    Object.assign(turn, noUsage, {
      status: 'running',
      begun_by: begunBy,
      lease_until: at(now + leaseMs),
      cancel_requested: false,
      finished_at: null,
      error_code: null,
      error_detail: null,
    })
    const conversation = conversations.get(turn.conversation_id)
    Object.assign(conversation ?? {}, {
      running_turn_id: turn.id,
      updated_at: at(now),
      last_turn_at: at(now),
    })
  }

  const addUsage = ({ user_id, model, attempt }: TurnRow, tokens: Usage): void => {
    const day = at(now).toISOString().slice(0, 10)
    const name = `${user_id} ${day} ${model}`
    const sum = usage.get(name) ?? { user_id, day, model, turns: 0, ...noTokens }
    sum.turns += attempt === 1 ? 1 : 0
    for (const kind of Object.keys(noTokens) as (keyof Usage)[]) sum[kind] += tokens[kind] ?? 0
    usage.set(name, sum)
  }

  const end = (
    turn: TurnRow,
    { status, answer, error }: Pick<CompleteTurn, 'status' | 'answer' | 'error'>,
  ): void => {
    const conversation = conversations.get(turn.conversation_id)
    if (!conversation) throw new Error('a turn without a conversation')
    Object.assign(turn, answer.usage, {
      status,
      lease_until: null,
      finished_at: at(now),
      error_code: error?.code ?? null,
      error_detail: error?.detail ?? null,
    })
    append(conversation, {
      id: turn.message_id,
      turn_id: turn.id,
      parent_id: turn.user_message_id,
      role: 'assistant',
      status,
      content: answer.text,
      tool_calls: answer.tool_calls,
    })
    Object.assign(conversation, { running_turn_id: null, updated_at: at(now) })
    kept = kept.filter(({ turn_id }) => turn_id !== turn.id)
    addUsage(turn, answer.usage)
  }

  const interrupt = (turn: TurnRow): void =>
    end(turn, {
      status: 'interrupted',
      answer: {
        text: kept.find(({ turn_id }) => turn_id === turn.id)?.events.join('') ?? '',
        tool_calls: [],
        usage: noUsage,
        finished: false,
      },
      error: interruption,
    })

  const resume = (key: KeyRow & { fingerprint: string }, request: BeginTurn): Answer => {
    if (key.fingerprint !== fingerprint(request)) return { outcome: 'mismatch' }
    const turn = turns.get(key.turn_id)
    if (!turn) return { outcome: 'not-found' }
    const isRepeated = turn.begun_by === request.turnId
    if (turn.status === 'running' && !isRepeated && !isAlive(turn)) interrupt(turn)
    const ids = { conversation_id: turn.conversation_id, turn_id: turn.id }
    if (turn.status === 'running') return isRepeated ? begun(turn) : { outcome: 'attached', ...ids }
    const isLast = pastOf(turn.conversation_id).at(-1)?.turn_id === turn.id
    if (turn.status === 'completed' || turn.status === 'cancelled' || !isLast) {
      return { outcome: 'ended', ...ids }
    }
    const former = messages.find(({ id }) => id === turn.message_id)?.tool_calls ?? []
    turn.done_calls = [
      ...turn.done_calls,
      ...former.filter((call) => 'result' in call && call.replayed === undefined),
    ]
    messages = messages.filter(({ id }) => id !== turn.message_id)
    const conversation = conversations.get(turn.conversation_id)
    if (conversation) conversation.message_count -= 1
    turn.attempt += 1
    start(turn, request.turnId)
    return begun(turn)
  }

  return {
    now: () => now,
    advance(ms: number): void {
      now += ms
    },

    begin(request: BeginTurn): Answer {
      const { userId, conversationId, turnId, userMessageId, messageId, message, key } = request
      const used = key === undefined ? undefined : keys.get(`${userId} ${key}`)
      if (used) return resume(used, request)
      let conversation = conversationOf(userId, conversationId)
      if (!conversation && !request.isNewConversation) return { outcome: 'not-found' }
      const running = turns.get(conversation?.running_turn_id ?? '')
      if (running?.begun_by === turnId) return begun(running)
      if (running && isAlive(running)) {
        return { outcome: 'busy', conversation_id: conversationId, turn_id: running.id }
      }
      if (turns.has(turnId)) return { outcome: 'ended', conversation_id: conversationId, turn_id: turnId }
      if (running) interrupt(running)

      if (!conversation) {
        conversation = {
          user_id: userId,
          id: conversationId,
          title: message,
          message_count: 0,
          running_turn_id: null,
          created_at: at(now),
          updated_at: at(now),
          last_turn_at: at(now),
        }
        conversations.set(conversationId, conversation)
      }
      const turn: TurnRow = {
        ...noUsage,
        user_id: userId,
        id: turnId,
        conversation_id: conversationId,
        status: 'running',
        attempt: 1,
        begun_by: turnId,
        lease_until: null,
        cancel_requested: false,
        user_message_id: userMessageId,
        message_id: messageId,
        model: request.model,
        done_calls: [],
        error_code: null,
        error_detail: null,
        created_at: at(now),
        finished_at: null,
      }
      turns.set(turnId, turn)
      append(conversation, {
        id: userMessageId,
        turn_id: turnId,
        parent_id: pastOf(conversationId).at(-1)?.id ?? null,
        role: 'user',
        status: 'completed',
        content: message,
        tool_calls: [],
      })
      start(turn, turnId)
      if (key !== undefined) {
        keys.set(`${userId} ${key}`, {
          user_id: userId,
          key_hash: createHash('sha256').update(key).digest('hex'),
          fingerprint: fingerprint(request),
          conversation_id: conversationId,
          turn_id: turnId,
          created_at: at(now),
        })
      }
      return begun(turn)
    },

    complete(completion: CompleteTurn): Completed {
      const turn = turnOf(completion.userId, completion.turnId)
      if (!turn) return 'gone'
      if (turn.attempt !== completion.attempt) return 'fenced'
      if (turn.status !== 'running') return turn.status === completion.status ? 'stored' : 'fenced'
      end(turn, completion)
      return 'stored'
    },

    cancel(userId: string, turnId: string): Cancelled {
      const turn = turnOf(userId, turnId)
      if (!turn) return 'not-found'
      if (turn.status !== 'running') return 'ended'
      turn.cancel_requested = true
      if (isAlive(turn)) return 'requested'
      interrupt(turn)
      return 'ended'
    },

    /** One tick of an instance that runs the held attempts and follows some turns. */
    tick(held: Attempt[], followed: Attempt[]): Tick {
      const isMine = (turn: TurnRow | undefined, { attempt }: Attempt): turn is TurnRow =>
        turn?.status === 'running' && turn.attempt === attempt
      for (const mine of held) {
        const turn = turnOf(mine.userId, mine.turnId)
        if (!isMine(turn, mine) || !turn.lease_until) continue
        const left = turn.lease_until.getTime() - now
        if (left < (leaseMs * 2) / 3) turn.lease_until = at(now + leaseMs)
        const { user_id, id: turn_id, attempt } = turn
        if (kept.some((row) => row.turn_id === turn_id)) continue
        kept.push({ user_id, turn_id, attempt, seq: 0, events: said(attempt) })
      }
      return {
        held: held.map((mine) => {
          const turn = turnOf(mine.userId, mine.turnId)
          return isMine(turn, mine) ? (turn.cancel_requested ? 'cancel' : null) : 'lost'
        }),
        followed: followed.map(({ userId, turnId }) => {
          const turn = turnOf(userId, turnId)
          // A lease that has run out has to be seen for a while before the turn is closed.
          return turn?.status === 'running' ? null : 'ended'
        }),
      }
    },

    /** How many keys each batch forgets; the last one is not full. */
    prune(batch: number): number[] {
      const expired = [...keys].filter(([, { created_at }]) => created_at.getTime() < now - day)
      for (const [name] of expired) keys.delete(name)
      const full = Math.floor(expired.length / batch)
      return [...Array<number>(full).fill(batch), expired.length % batch]
    },

    deleteConversation(userId: string, id: string): boolean {
      if (!conversationOf(userId, id)) return false
      conversations.delete(id)
      messages = messages.filter(({ conversation_id }) => conversation_id !== id)
      for (const turn of turns.values()) if (turn.conversation_id === id) turns.delete(turn.id)
      kept = kept.filter(({ turn_id }) => turns.has(turn_id))
      return true
    },

    /** The status that getTurn shows; `ended` is the text of a turn that has ended, as it is stored. */
    read(userId: string, turnId: string) {
      const turn = turnOf(userId, turnId)
      if (!turn) return { shown: undefined, ended: undefined }
      const shown = turn.status === 'running' && !isAlive(turn) ? 'interrupted' : turn.status
      const answer = messages.find(({ id }) => id === turn.message_id)
      return { shown, ended: answer && { status: turn.status, response: answer.content } }
    },

    /** Whether the key of this request, if it has one, is remembered. */
    remembers: ({ userId, key }: BeginTurn): boolean => key === undefined || keys.has(`${userId} ${key}`),

    stored: (): Stored => ({
      conversations: order(conversations.values(), 'user_id', 'id'),
      turns: order(turns.values(), 'user_id', 'id'),
      messages: order(messages, 'user_id', 'conversation_id', 'position'),
      keys: order(
        [...keys.values()].map(({ fingerprint: _, ...row }) => row),
        'user_id',
        'key_hash',
      ),
      events: order(kept, 'user_id', 'turn_id', 'attempt', 'seq'),
      usage: order(usage.values(), 'user_id', 'day', 'model'),
    }),
  }
}

export type Model = ReturnType<typeof createModel>
