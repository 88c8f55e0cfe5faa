import type { Handler } from '../http/handler.js'
import { newId } from '../new-id.js'
import { problem } from '../problems.js'
import type { Conversation } from './conversation-columns.js'
import type { Deps } from './deps.js'
import { ruleOf } from './expiry.js'

type Forked = Pick<
  Conversation,
  'title' | 'metadata' | 'message_count' | 'active_message_id' | 'created_at' | 'expires_at' | 'assistant'
> & { outcome: 'forked' | 'conversation-not-found' | 'message-not-found' | 'unfit-message' }

const isSummary = {
  path: '/body/message_id',
  code: 'value',
  message: 'must be a message of the exchange, not a summary',
} as const

export const forkConversation =
  ({ db, retention }: Deps): Handler<'forkConversation'> =>
  async ({ params, user, body }, reply) => {
    const id = newId()
    const [{ outcome, ...forked }] = await db.statement(
      (sql) => sql<[Forked]>`
        select outcome, title, metadata, message_count, active_message_id, created_at, expires_at, assistant
        from colloquy.fork_conversation(
          p_user_id => ${user.id}, p_conversation_id => ${params.conversation_id}, p_message_id => ${body.message_id},
          p_fork_id => ${id}, p_title => ${body.title ?? null},
          p_retention => ${ruleOf(sql, retention)})`,
      'others',
      user.id,
    )
    if (outcome === 'unfit-message') return problem('validation-failed', { errors: [isSummary] })
    if (outcome !== 'forked') return problem(outcome)
    const times = { updated_at: forked.created_at, last_turn_at: forked.created_at }
    const conversation = { id, archived: false, pinned: false, running_turn_id: null, ...forked, ...times }
    return reply(201, conversation, { location: `../${id}` })
  }
