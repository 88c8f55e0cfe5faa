import type { components } from '../../generated/closed/contract.js'
import type { Database } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

type Rows = components['schemas']['Erasure']['rows']

/** About how many rows a transaction deletes: much less than what its time limit allows. */
const batchRows = 10_000

const notConfirmed = {
  path: '/query/confirm',
  code: 'value',
  message: 'must be the user_id of the path',
} as const

/**
 * Erases batch by batch, each in a transaction of its own. A turn that runs ends with its first row that is gone: its
 * instance gives it up with the next tick, and can store nothing of it any more.
 */
const erase = async (db: Database, userId: string): Promise<{ rows: Rows; erasedAt: string }> => {
  const rows: Rows = {
    conversations: 0,
    turns: 0,
    messages: 0,
    feedback: 0,
    stream_events: 0,
    idempotency_keys: 0,
    usage: 0,
    limit_counts: 0,
    updates: 0,
  }
  for (;;) {
    const [batch] = await db.statement(
      (sql) => sql<[{ is_done: boolean; erased: Partial<Rows>; at: string }]>`
        select is_done, erased, colloquy.clock() as at
        from colloquy.erase_user(p_user_id => ${userId}, p_rows => ${batchRows})`,
      'others',
      userId,
    )
    for (const kind of Object.keys(rows) as (keyof Rows)[]) rows[kind] += batch.erased[kind] ?? 0
    if (batch.is_done) return { rows, erasedAt: batch.at }
  }
}

export const eraseUser =
  ({ db }: Deps): Handler<'eraseUser'> =>
  async ({ query, user }, reply) => {
    if (query.confirm !== user.id) return problem('validation-failed', { errors: [notConfirmed] })
    const { rows, erasedAt } = await erase(db, user.id)
    return reply(200, { user_id: user.id, erased_at: erasedAt, rows })
  }
