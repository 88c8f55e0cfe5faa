import { createHash } from 'node:crypto'
import { hasBudget, type TotalBudget, type UserLimits } from '../../../src/turns/limits.js'
import type { BeginTurn } from '../../../src/turns/store/begin-turns.js'
import type { Place } from '../../../src/turns/types.js'

export interface Limits {
  /** in milliseconds */
  leaseMs: number
  historyMessages: number
  historyTokens: number
  windowSize: number
}

/** Small, so that the bounds matter. */
export const limits: Limits = { leaseMs: 15_000, historyMessages: 4, historyTokens: 80, windowSize: 100 }

const noLimits: UserLimits = {
  runningTurns: 1_000,
  waitingMessages: 1_000,
  turnsPerMinute: null,
  turnsPerDay: null,
  tokensPerDay: null,
}

/** Of each limit one that is soon reached. */
const tight = {
  running: { runningTurns: 2 },
  minute: { turnsPerMinute: 3 },
  day: { turnsPerDay: 3 },
  tokens: { tokensPerDay: 3 },
  budget: { budgetPerDay: 20 },
  month: { budgetPerMonth: 25 },
}
const totalBudget: TotalBudget = { perDay: 20, perMonth: 45 }
export type Limit = keyof typeof tight | 'total'
const byNumber = [...Object.keys(tight), 'total'] as Limit[]

/** What a turn with a budget reserves; more than it costs when it completes. */
export const reserved = 8

/**
 * The limits that the nth request is judged by: the one that is wished for; else mostly none, so that limits do not keep the
 * rest from being seen.
 */
const limitOf = (n: number, wished: Limit | undefined): Limit | undefined =>
  wished ?? (n % 2 === 0 ? byNumber[(n / 2) % byNumber.length] : undefined)

const dayRule = { days: 1, keeps_pinned: true, keeps_archived: false }

/** A begin, with the client's key as it was before it was hashed. */
export interface Request extends BeginTurn {
  key: string | undefined
}

/** Text that PostgreSQL refuses, which the program never sends: an entry that fails. */
export const unstorable = 'a NUL: \0'
export const cannotBeStored = (text: string): boolean => text.includes('\0')

export const id = (n: number): string => `019a0c4e-7b7a-7c11-8f0e-${n.toString(16).padStart(12, '0')}`
/** Ids in short: `#1f`. */
export const short = (text: string): string => text.replace(/019a0c4e-7b7a-7c11-8f0e-0*([\da-f]+)/g, '#$1')
export const inWords = (value: unknown): string => short(JSON.stringify(value) ?? 'nothing')

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A wish for a key that nobody else uses. */
export const ownKey = 'its own'

/** What a program says of its assistants: one has another model, and one allows no model that a message asks for. */
const assistantsOf = (asked: string | undefined): BeginTurn['assistants'] => ({
  tutor: { ...limits, model: asked ?? 'oracle' },
  strict: asked === undefined ? { ...limits, model: 'oracle' } : null,
})
/** `gone` is one that the program does not know. */
export const assistants = ['tutor', 'strict', 'gone']

interface Wish {
  userId: string
  into: string | undefined
  message: string
  key: string | undefined
  model?: string
  assistant?: string | undefined
  /** whether no limit is to be reached */
  isUnlimited?: boolean
  limit?: Limit | undefined
  place?: Place
  /** whether its conversation is kept for a day only */
  expires?: boolean
}

/** The nth request, with ids of its own. */
export const newRequest = (n: number, { key: wished, ...wish }: Wish): Request => {
  const { userId, into, message, model, assistant, place, isUnlimited = false, limit, expires = false } = wish
  const reached = isUnlimited ? undefined : limitOf(n, limit)
  const own = { ...noLimits, ...(reached && reached !== 'total' && tight[reached]) }
  const key = wished === ownKey ? `k of ${n}` : wished
  return {
    userId,
    isNewConversation: into === undefined,
    conversationId: into ?? id(4 * n),
    turnId: id(4 * n + 1),
    userMessageId: id(4 * n + 2),
    messageId: id(4 * n + 3),
    message,
    title: message || null,
    place,
    key,
    idempotency:
      key === undefined
        ? undefined
        : {
            keyHash: sha256(key),
            fingerprint: sha256(`${into ?? 'new'} ${message} ${JSON.stringify([place, assistant])}`),
          },
    model: model ?? 'echo',
    assistant,
    // A program that has none says nothing.
    assistants: n % 7 === 0 ? undefined : assistantsOf(model),
    ...limits,
    retention: expires ? dayRule : undefined,
    limits: own,
    ...((hasBudget(own) || reached === 'total') && { reserved }),
    ...(reached === 'total' && { totalBudget }),
  }
}
