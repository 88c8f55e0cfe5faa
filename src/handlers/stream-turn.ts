import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

export const streamTurn =
  ({ turns }: Deps): Handler<'streamTurn'> =>
  async ({ params, headers, user }, reply) => {
    const turn = await turns.open(user.id, params.turn_id)
    if (!turn) return problem('turn-not-found')
    return reply(200, new SseStream((signal) => turns.read(turn, headers['Last-Event-ID'], signal)))
  }
