import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { type Conversation, conversationColumns, joinLastTurn } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { hasConversation } from './has-conversation.js'

/** The contract's limit for the pairs of metadata. */
const maxPairs = 16

const tooManyPairs = {
  path: '/body/metadata',
  code: 'too-many',
  message: `must leave at most ${maxPairs} pairs`,
} as const

export const updateConversation =
  ({ db }: Deps): Handler<'updateConversation'> =>
  async ({ params, user, body }, reply) => {
    const { title, archived, metadata = {} } = body
    let updated: PromiseLike<Conversation[]> = Promise.resolve([])
    await db.asUser(user.id, (sql) => {
      const merged = sql`jsonb_strip_nulls(c.metadata || ${sql.json(metadata)})`
      const update = sql<Conversation[]>`
        with c as (
          update colloquy.conversations c
          set title = coalesce(${title ?? null}, c.title),
            title_by = case when ${title !== undefined} then 'user' else c.title_by end,
            archived = coalesce(${archived ?? null}, c.archived),
            metadata = ${merged},
            updated_at = colloquy.clock()
          where c.user_id = ${user.id} and c.id = ${params.conversation_id}
            and jsonb_array_length(jsonb_path_query_array(${merged}, '$.keyvalue()')) <= ${maxPairs}
          returning c.*
        )
        select ${conversationColumns(sql)}
        from c
        ${joinLastTurn(sql)}`
      updated = update
      if (title === undefined) return update
      // After it, in the same round trip, because a statement does not see what others committed while it waited.
      void update.execute()
      return sql`
        select colloquy.unindex_title(p_user_id => ${user.id}, p_conversation_id => ${params.conversation_id})`
    })
    const [conversation] = await updated
    if (conversation) return reply(200, conversation)
    return (await hasConversation(db, user.id, params.conversation_id))
      ? problem('validation-failed', { errors: [tooManyPairs] })
      : problem('conversation-not-found')
  }
