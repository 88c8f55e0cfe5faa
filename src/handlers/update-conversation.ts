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

type Fragment = ReturnType<Sql>

/** The time where that is so, else null. Not as a case, in which Citus takes no clock: an array of one has no element 0. */
const nowIf = (sql: Sql, condition: Fragment): Fragment =>
  sql`(array[colloquy.stable_clock()])[(${condition})::integer]`

/** What is set of what decides when it expires. The rule counts anew for what it did not hold for so far. */
const expiryChanges = (
  sql: Sql,
  change: Change,
  retention: RetentionRule | undefined,
): Record<string, Fragment> => {
  const archived: Fragment = sql`coalesce(${change.archived ?? null}, c.archived)`
  const pinned: Fragment = sql`coalesce(${change.pinned ?? null}, c.pinned)`
  const own: Fragment =
    change.expires_at === undefined ? sql`c.own_expires_at` : sql`${change.expires_at}::timestamptz(3)`
  const isNoLonger: Fragment = sql`(c.archived and not ${archived}) or (c.pinned and not ${pinned})`
  const from: Fragment = sql`greatest(c.retained_from, ${nowIf(sql, isNoLonger)})`
  const since: Fragment = sql`greatest(c.last_turn_at, ${from})`
  const expires_at: Fragment = sql`${expiryOf(sql, { own, since, pinned, archived }, retention)}`
  return { archived, pinned, own_expires_at: own, retained_from: from, expires_at }
}

const listOf = (sql: Sql, items: readonly Fragment[]): Fragment[] =>
  items.map((item, n) => (n === 0 ? item : sql`, ${item}`))

/**
 * For those who follow the user's changes, in the statement that makes one: the note of it, in place of that of the one before; see
 * note_update.sql.
 */
const noteUpdate = (sql: Sql, userId: string) => sql`
  replaced as (
    delete from colloquy.updates u
    using old, c
    where c.noted_at is distinct from old.noted_at and u.user_id = ${userId} and u.at = old.noted_at
      and u.conversation_id = c.id and u.type = 'conversation-updated'
  ),
  noted as (
    insert into colloquy.updates (user_id, at, conversation_id, type)
    select ${userId}, c.noted_at, c.id, 'conversation-updated'
    from c, old
    where c.noted_at is distinct from old.noted_at
    on conflict do nothing
  )`

export const updateConversation =
  ({ db, retention }: Deps): Handler<'updateConversation'> =>
  async ({ params, user, body }, reply) => {
    const { conversation_id: id } = params
    const { title, metadata = {}, active_message_id } = body
    let branch: Branch | undefined
    let updated: PromiseLike<readonly Conversation[]> = Promise.resolve([])
    const update = (sql: Sql) => {
      const merged: Fragment = sql`jsonb_strip_nulls(c.metadata || ${sql.json(metadata)})`
      const changes: Record<string, Fragment> = {
        title: sql`coalesce(${title ?? null}, c.title)`,
        metadata: merged,
        ...(branch && { active_path: sql`${branch.path}::int4multirange` }),
        ...(changesExpiry(body) && expiryChanges(sql, body, retention)),
      }
      const columns = Object.keys(changes)
      const was = columns.map((column): Fragment => sql`c.${sql(column)}`)
      const becomes = columns.map((column): Fragment => sql`${sql(column)} = ${changes[column] as Fragment}`)
      const isOther: Fragment = sql`(${listOf(sql, Object.values(changes))}) is distinct from (${listOf(sql, was)})`
      // In the same round trip, because a statement does not see what others committed while it waited.
      void sql`
        select from colloquy.conversations c
        where c.user_id = ${user.id} and c.id = ${id}
        for no key update`.execute()
      const rows = sql<Conversation[]>`
        with old as (
          select c.noted_at
          from colloquy.conversations c
          where c.user_id = ${user.id} and c.id = ${id}
        ),
        c as (
          update colloquy.conversations c
          set ${listOf(sql, becomes)},
            title_by = case when ${title !== undefined} then 'user' else c.title_by end,
            noted_at = coalesce(${nowIf(sql, isOther)}, c.noted_at),
            updated_at = colloquy.stable_clock()
          where c.user_id = ${user.id} and c.id = ${id} and (c.expires_at is null or c.expires_at > colloquy.stable_clock())
            and jsonb_array_length(jsonb_path_query_array(${merged}, '$.keyvalue()')) <= ${maxPairs}
          returning c.*
        )${changesExpiry(body) ? sql`, scheduled as (${scheduleRemoval(sql)})` : sql``},
        ${noteUpdate(sql, user.id)}
        select ${conversationColumns(sql, user.id)}
        from c
        ${joinLastTurn(sql, user.id)}`
      updated = rows
      if (title === undefined) return rows
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
