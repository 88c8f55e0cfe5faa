import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { findTurn } from './turn-columns.js'

export const streamTurn =
  ({ db, turns }: Deps): Handler<'streamTurn'> =>
  async ({ params, headers, user }, reply) => {
    // An instance knows of a turn that it runs, and not whether its conversation has expired.
    if (!(await findTurn(db, user.id, params.turn_id))) return problem('turn-not-found')
    const turn = await turns.open(user.id, params.turn_id)
    if (!turn) return problem('turn-not-found')
    return reply(200, new SseStream((signal) => turns.read(turn, headers['Last-Event-ID'], signal)))
  }
