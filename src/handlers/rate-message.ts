import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

interface Rated {
  outcome: 'rated' | 'no-answer' | 'not-found'
  updated_at: string | null
}

const notAnAnswer = {
  path: '/path/message_id',
  code: 'value',
  message: "must be an answer's: other messages cannot be rated",
} as const

export const rateMessage =
  ({ db }: Deps): Handler<'rateMessage'> =>
  async ({ params, user, body }, reply) => {
    const { rating, comment = null } = body
    const [{ outcome, updated_at }] = await db.statement(
      (sql) => sql<[Rated]>`
        select outcome, updated_at
        from colloquy.rate_message(
          p_user_id => ${user.id}, p_message_id => ${params.message_id}, p_rating => ${rating}::text,
          p_comment => ${comment}::text)`,
      'others',
      user.id,
    )
    if (outcome === 'not-found') return problem('message-not-found')
    if (outcome === 'no-answer') return problem('validation-failed', { errors: [notAnAnswer] })
    return reply(200, { rating, comment, updated_at })
  }
