import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { findTurn } from './turn-columns.js'

export const cancelTurn =
  ({ db, turns }: Deps): Handler<'cancelTurn'> =>
  async ({ params, user }, reply) => {
    if (!(await turns.cancel(user.id, params.turn_id))) return problem('turn-not-found')
    const turn = await findTurn(db, user.id, params.turn_id)
    if (!turn) return problem('turn-not-found')
    return reply(turn.status === 'running' ? 202 : 200, turn)
  }
