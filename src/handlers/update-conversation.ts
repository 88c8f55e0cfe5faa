import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { RetentionRule } from '../turns/retention-rule.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { expiryOf } from './expiry.js'
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

/** Now where that is so, else null. Citus takes no clock in a case, dies of one in an array, and adds nothing to it. */
const nowIf = (sql: Sql, condition: Fragment): Fragment => sql`
  nullif(least(colloquy.stable_clock(), case when ${condition} then timestamptz 'infinity' else '-infinity' end), '-infinity')`

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

export const updateConversation =
  ({ db, retention }: Deps): Handler<'updateConversation'> =>
  async ({ params, user, body }, reply) => {
    const { conversation_id: id } = params
    const { title, metadata = {}, active_message_id } = body
    let branch: Branch | undefined
    let change: { written: Fragment; rows: PromiseLike<readonly Conversation[]> } | undefined
    const update = (sql: Sql) => {
      const merged: Fragment = sql`jsonb_strip_nulls(c.metadata || ${sql.json(metadata)})`
      const changes: Record<string, Fragment> = {
        title: sql`coalesce(${title ?? null}, c.title)`,
        metadata: merged,
        ...(branch && { active_path: sql`${branch.path}::int4multirange` }),
        ...(changesExpiry(body) && expiryChanges(sql, body, retention)),
      }
      const columns = Object.keys(changes)
      const becomes = columns.map((column): Fragment => sql`${sql(column)} = ${changes[column] as Fragment}`)
      // What follows from these differs only where they do, and has a clock in it.
      const chosen = columns.filter((column) => column !== 'retained_from' && column !== 'expires_at')
      const was = chosen.map((column): Fragment => sql`c.${sql(column)}`)
      const is = chosen.map((column) => changes[column] as Fragment)
      const isOther: Fragment = sql`(${listOf(sql, is)}) is distinct from (${listOf(sql, was)})`
      // In the same round trip, because a statement does not see what others committed while it waited.
      void sql`
        select from colloquy.conversations c
        where c.user_id = ${user.id} and c.id = ${id}
        for no key update`.execute()
      const written: Fragment = sql`
        update colloquy.conversations c
        set ${listOf(sql, becomes)},
          title_by = case when ${title !== undefined} then 'user' else c.title_by end,
          noted_at = greatest(${nowIf(sql, isOther)}, case when not (${isOther}) then c.noted_at end),
          updated_at = colloquy.stable_clock()
        where c.user_id = ${user.id} and c.id = ${id} and (c.expires_at is null or c.expires_at > colloquy.stable_clock())
          and jsonb_array_length(jsonb_path_query_array(${merged}, '$.keyvalue()')) <= ${maxPairs}`
      const ofIt = sql`p_user_id => ${user.id}, p_conversation_id => ${id}`
      const rows = sql<Conversation[]>`
        select ${conversationColumns(sql, user.id)}
        from colloquy.conversations c
        ${joinLastTurn(sql, user.id)}
        where c.user_id = ${user.id} and c.id = ${id}`
      // One by one: Citus joins what a statement writes with nothing else.
      void written.execute()
      void sql`select colloquy.note_change(${ofIt})`.execute()
      if (title !== undefined) void sql`select colloquy.unindex_title(${ofIt})`.execute()
      change = { written, rows }
      return rows
    }
    const choose = async (sql: Sql, messageId: string) => {
      branch = await lockBranch(sql, user.id, id, messageId)
      return branch && branch.role !== 'summary' ? update(sql) : []
    }
    await db.asUser<unknown>(user.id, (sql) =>
      active_message_id === undefined ? update(sql) : choose(sql, active_message_id),
    )
    if (change && (await change.written).count > 0) {
      const [conversation] = await change.rows
      return reply(200, conversation as Conversation)
    }
    if (!(await hasConversation(db, user.id, id))) return problem('conversation-not-found')
    if (active_message_id !== undefined && !branch) return problem('message-not-found')
    return problem('validation-failed', { errors: [branch?.role === 'summary' ? isSummary : tooManyPairs] })
  }
