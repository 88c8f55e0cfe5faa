import { isDeepStrictEqual } from 'node:util'
import { type Context, Failure, type Judged } from '../check.js'
import { turnDataOf } from '../samples.js'
import type { Draft } from './request.js'

/** What a valid request has to have done beyond an answer of the right form. */
type Effect = (seen: {
  context: Context
  draft: Draft
  answer: Judged
  ids: Record<string, string>
}) => Promise<void> | void

interface Body {
  title?: string
  archived?: boolean
  pinned?: boolean
  message?: string
  conversation_id?: string
  metadata?: Record<string, string | null>
}

const same = (answer: Judged, what: string, actual: unknown, wanted: unknown): void => {
  if (isDeepStrictEqual(actual, wanted)) return
  throw new Failure(
    `${what} is ${JSON.stringify(actual)?.slice(0, 200)}, not ${JSON.stringify(wanted)?.slice(0, 200)}.`,
    `${answer.operation.id} ${answer.status}`,
    answer,
  )
}

/** A map without its order, and with `__proto__` as a key like any other. */
const pairsOf = (map: object = {}): [string, unknown][] =>
  Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1))

const queryOf = ({ query }: Draft, name: string): string | undefined =>
  query.find(([other]) => other === name)?.[1]

const stored: Effect = ({ draft, answer }) => {
  const { title, archived, pinned, metadata } = draft.body as Body
  if (title !== undefined) same(answer, 'The title', answer.json.title, title)
  if (archived !== undefined) same(answer, '`archived`', answer.json.archived, archived)
  if (pinned !== undefined) same(answer, '`pinned`', answer.json.pinned, pinned)
  if (metadata === undefined) return
  const kept = pairsOf(answer.json.metadata).filter(([name]) => Object.hasOwn(metadata, name))
  const sent = pairsOf(metadata).filter(([, value]) => value !== null)
  same(answer, 'The metadata', kept, sent)
}

/** What an answer names, be it JSON or a stream. */
const turnOf = (answer: Judged): { user_message_id?: string; conversation_id?: string } =>
  answer.json ?? turnDataOf(answer)

const storedAsSent: Effect = async ({ context, draft, answer, ids }) => {
  const { message, conversation_id } = draft.body as Body
  const turn = turnOf(answer)
  if (conversation_id) same(answer, '`conversation_id`', turn.conversation_id, ids.conversation_id)
  const path = { message_id: turn.user_message_id ?? '' }
  const read = await context.call('getMessage', { path, expect: 200 })
  same(read, 'The stored message', read.json.content, message)
}

const page: Effect = ({ draft, answer }) => {
  const { data } = answer.json as { data: unknown[] }
  const limit = Number(queryOf(draft, 'limit') ?? 20)
  if (data.length > limit)
    throw new Failure(
      `The page has ${data.length} entries, more than the limit of ${limit}.`,
      `${answer.operation.id} 200`,
      answer,
    )
}

const filtered: Effect = (seen) => {
  const { draft, answer } = seen
  const wanted = draft.query.flatMap(([name, value]) => {
    const key = /^metadata\[(.*)\]$/s.exec(name)?.[1]
    return key === undefined ? [] : [[key, value] as const]
  })
  const isArchived = queryOf(draft, 'archived') === 'true'
  const isPinned = queryOf(draft, 'pinned')
  for (const { archived, pinned, metadata } of answer.json.data) {
    same(answer, '`archived`', archived, isArchived)
    if (isPinned !== undefined) same(answer, '`pinned`', String(pinned), isPinned)
    for (const [key, value] of wanted)
      same(answer, `The metadata's ${JSON.stringify(key)}`, new Map(pairsOf(metadata)).get(key), value)
  }
  return page(seen)
}

/** By operationId. */
export const effects: Record<string, Effect> = {
  createTurn: storedAsSent,
  streamNewTurn: storedAsSent,
  createConversation: stored,
  updateConversation: stored,
  listConversations: filtered,
  listMessages: page,
  listTurns: page,
  listUsage: page,
  searchMessages: page,
}
