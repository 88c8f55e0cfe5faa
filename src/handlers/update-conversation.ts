import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { RetentionRule } from '../turns/retention-rule.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { expiryOf, scheduleRemoval } from './expiry.js'
import { hasConversation } from './has-conversation.js'
import { type Branch, lockBranch } from './lock-branch.js'

/** The contract's limit for the pairs of metadata. */
const maxPairs = 16

const tooManyPairs = {
  path: '/body/metadata',
  code: 'too-many',
  message: `must leave at most ${maxPairs} pairs`,
} as const

const isSummary = {
  path: '/body/active_message_id',
  code: 'value',
  message: 'must be a message of the exchange, not a summary',
} as const

type Change = Pick<components['schemas']['ConversationUpdate'], 'archived' | 'pinned' | 'expires_at'>

const changesExpiry = ({ archived, pinned, expires_at }: Change): boolean =>
  archived !== undefined || pinned !== undefined || expires_at !== undefined

/** What is set of what decides when it expires. The rule counts anew for what it did not hold for so far. */
const expiryChanges = (sql: Sql, change: Change, retention: RetentionRule | undefined) => {
  const archived: ReturnType<Sql> = sql`coalesce(${change.archived ?? null}, c.archived)`
  const pinned: ReturnType<Sql> = sql`coalesce(${change.pinned ?? null}, c.pinned)`
  const own: ReturnType<Sql> =
    change.expires_at === undefined ? sql`c.own_expires_at` : sql`${change.expires_at}::timestamptz`
  // Not as a case, in which Citus takes no clock: of an array of one, the element 1 or, none, the element 0.
  const from: ReturnType<Sql> = sql`greatest(
    c.retained_from,
    (array[colloquy.stable_clock()])[((c.archived and not ${archived}) or (c.pinned and not ${pinned}))::integer])`
  const since: ReturnType<Sql> = sql`greatest(c.last_turn_at, ${from})`
  return sql`
    archived = ${archived}, pinned = ${pinned}, own_expires_at = ${own}, retained_from = ${from},
    expires_at = ${expiryOf(sql, { own, since, pinned, archived }, retention)},`
}

/** For those who follow the user's changes, in the statement that makes the change; see note_update.sql. */
const noteUpdate = (sql: Sql) => sql`
  insert into colloquy.updates (user_id, at, conversation_id, type)
  select c.user_id, colloquy.clock(), c.id, 'conversation-updated'
  from c
  on conflict do nothing`

export const updateConversation =
  ({ db, retention }: Deps): Handler<'updateConversation'> =>
  async ({ params, user, body }, reply) => {
    const { conversation_id: id } = params
    const { title, metadata = {}, active_message_id } = body
    let branch: Branch | undefined
    let updated: PromiseLike<readonly Conversation[]> = Promise.resolve([])
    const update = (sql: Sql) => {
      const merged = sql`jsonb_strip_nulls(c.metadata || ${sql.json(metadata)})`
      const rows = sql<Conversation[]>`
        with c as (
          update colloquy.conversations c
          set title = coalesce(${title ?? null}, c.title),
            title_by = case when ${title !== undefined} then 'user' else c.title_by end,
            ${branch ? sql`active_path = ${branch.path}::int4multirange,` : sql``}
            ${changesExpiry(body) ? expiryChanges(sql, body, retention) : sql``}
            metadata = ${merged},
            updated_at = colloquy.stable_clock()
          where c.user_id = ${user.id} and c.id = ${id} and (c.expires_at is null or c.expires_at > colloquy.stable_clock())
            and jsonb_array_length(jsonb_path_query_array(${merged}, '$.keyvalue()')) <= ${maxPairs}
          returning c.*
        )${changesExpiry(body) ? sql`, scheduled as (${scheduleRemoval(sql)})` : sql``},
        noted as (${noteUpdate(sql)})
        select ${conversationColumns(sql, user.id)}
        from c
        ${joinLastTurn(sql, user.id)}`
      updated = rows
      if (title === undefined) return rows
      // After it, in the same round trip, because a statement does not see what others committed while it waited.
      void rows.execute()
      return sql`select colloquy.unindex_title(p_user_id => ${user.id}, p_conversation_id => ${id})`
    }
    const choose = async (sql: Sql, messageId: string) => {
      branch = await lockBranch(sql, user.id, id, messageId)
      return branch && branch.role !== 'summary' ? update(sql) : []
    }
    await db.asUser<unknown>(user.id, (sql) =>
      active_message_id === undefined ? update(sql) : choose(sql, active_message_id),
    )
    const [conversation] = await updated
    if (conversation) return reply(200, conversation)
    if (!(await hasConversation(db, user.id, id))) return problem('conversation-not-found')
    if (active_message_id !== undefined && !branch) return problem('message-not-found')
    return problem('validation-failed', { errors: [branch?.role === 'summary' ? isSummary : tooManyPairs] })
  }
