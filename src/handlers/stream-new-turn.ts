import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import { Problem } from '../problems.js'
import { replayedHeader, sendMessage } from './create-turn.js'
import type { Deps } from './deps.js'

export const streamNewTurn =
  (deps: Deps): Handler<'streamNewTurn'> =>
  async (request, reply) => {
    const sent = await sendMessage(deps, request)
    if (sent instanceof Problem) return sent
    return reply(
      200,
      new SseStream((signal) => deps.turns.read(sent, undefined, signal)),
      replayedHeader(sent),
    )
  }
