import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { findTurn } from './turn-columns.js'

export const getTurn =
  ({ db }: Deps): Handler<'getTurn'> =>
  async ({ params, user }, reply) => {
    const turn = await findTurn(db, user.id, params.turn_id)
    return turn ? reply(200, turn) : problem('turn-not-found')
  }
