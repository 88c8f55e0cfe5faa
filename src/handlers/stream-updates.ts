import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import type { Deps } from './deps.js'

export const streamUpdates =
  ({ updates }: Deps): Handler<'streamUpdates'> =>
  async ({ headers, user }, reply) => {
    const stream = await updates.open(user.id, headers['Last-Event-ID'])
    return reply(200, new SseStream((signal) => stream.read(signal), { isMessage: false }))
  }
