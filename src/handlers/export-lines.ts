import type { components } from '../../generated/closed/contract.js'
import {
  type ExportedConversation,
  type Log,
  type LogPosition,
  readConversations,
  readMessages,
} from './export-pages.js'
import { type CursorKey, day, decodeCursor, encodeCursor, instant } from './page.js'

type Line = components['schemas']['KnownExportLine']
type DailyUsage = components['schemas']['DailyUsage']

/** The line after which an export goes on: of the log, or of the usage. */
type After = { kind: 'log'; at: LogPosition } | { kind: 'usage'; day: string; model: string }

const beginning: After = {
  kind: 'log',
  at: { conversationId: '00000000-0000-0000-0000-000000000000', position: 0 },
}

/** The cursor's parts: the moment; then a conversation and a position, or a day and a model. */
const shapes = {
  log: [instant, /^log$/, /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/, /^\d{1,9}$/],
  usage: [instant, /^usage$/, day, /^[!-~]{1,200}$/],
}

const scopeOf = (userId: string): CursorKey => ['exportUser', userId]

const encode = ({ userId, asOf }: Log, after: After): string => {
  const key = after.kind === 'log' ? [after.at.conversationId, after.at.position] : [after.day, after.model]
  return encodeCursor(scopeOf(userId), [asOf, after.kind, ...key])
}

const tryDecode = (userId: string, kind: 'log' | 'usage', cursor: string): string[] | undefined => {
  try {
    return decodeCursor(scopeOf(userId), shapes[kind], cursor).map(String)
  } catch {
    return undefined
  }
}

/** Where a line's cursor leads. Throws a Problem for what is none. */
export const decodePlace = (userId: string, cursor: string): { asOf: string; after: After } => {
  const ofUsage = tryDecode(userId, 'usage', cursor)
  if (ofUsage) {
    const [asOf = '', , day = '', model = ''] = ofUsage
    return { asOf, after: { kind: 'usage', day, model } }
  }
  const [asOf, , conversationId, position] = decodeCursor(scopeOf(userId), shapes.log, cursor).map(String)
  const at = { conversationId: conversationId ?? '', position: Number(position) }
  return { asOf: asOf ?? '', after: { kind: 'log', at } }
}

const maxConversations = 100
const maxUsage = 500

/** The lines of the messages after `from`, each page with those of `waiting` conversations that come before its messages. */
async function* messageLines(
  log: Log,
  from: LogPosition,
  through: string,
  waiting: ExportedConversation[],
): AsyncGenerator<Line[]> {
  const upTo = (id: string): Line[] => {
    const end = waiting.findIndex((conversation) => conversation.id > id)
    const due = waiting.splice(0, end === -1 ? waiting.length : end)
    return due.map((conversation) => {
      const at = { conversationId: conversation.id, position: 0 }
      return { type: 'conversation', conversation, cursor: encode(log, { kind: 'log', at }) }
    })
  }
  for await (const page of readMessages(log, from, through)) {
    yield page.flatMap(({ message, turn }): Line[] => {
      const at = { conversationId: message.conversation_id, position: message.position }
      const cursor = encode(log, { kind: 'log', at })
      return [...upTo(message.conversation_id), { type: 'message', message, ...(turn && { turn }), cursor }]
    })
  }
  yield upTo(through)
}

async function* logLines(log: Log, from: LogPosition): AsyncGenerator<Line[]> {
  // The rest of the conversation in which it was cut.
  yield* messageLines(log, from, from.conversationId, [])
  let after = from.conversationId
  for (;;) {
    const conversations = await readConversations(log, { after }, maxConversations)
    const [first, last] = [conversations.at(0), conversations.at(-1)]
    if (!first || !last) return
    yield* messageLines(log, { conversationId: first.id, position: 0 }, last.id, conversations)
    after = last.id
  }
}

async function* usageLines(log: Log, from?: { day: string; model: string }): AsyncGenerator<Line[]> {
  const { userId } = log
  for (let after = from; ; ) {
    const rows = await log.read(
      (sql) => sql<DailyUsage[]>`
        select u.day, u.model, u.turns::float8, u.input_tokens::float8, u.output_tokens::float8,
          u.cached_input_tokens::float8, u.reasoning_tokens::float8, u.total_tokens::float8,
          u.cost::float8
        from colloquy.usage u
        where u.user_id = ${userId}
          ${after ? sql`and (u.day, u.model) > (${after.day}::date, ${after.model})` : sql``}
        order by u.day, u.model
        limit ${maxUsage}`,
    )
    yield rows.map((usage) => ({
      type: 'usage',
      usage,
      cursor: encode(log, { kind: 'usage', day: usage.day, model: usage.model }),
    }))
    if (rows.length < maxUsage) return
    after = rows.at(-1)
  }
}

/**
 * The lines of an export, page by page. What is read is as of one moment, and no transaction is held between two pages: a slow
 * client costs nothing but its connection.
 */
export async function* exportLines(
  log: Log,
  currency: string | null,
  after: After = beginning,
): AsyncGenerator<Line[]> {
  const { userId: user_id, asOf: as_of } = log
  yield [{ type: 'export', version: 1, user_id, as_of, currency, cursor: encode(log, after) }]
  if (after.kind === 'log') yield* logLines(log, after.at)
  yield* usageLines(log, after.kind === 'usage' ? after : undefined)
  yield [{ type: 'end' }]
}

export const toNdjson = (lines: Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
