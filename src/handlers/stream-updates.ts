import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import type { Deps } from './deps.js'

export const streamUpdates =
  ({ updates }: Deps): Handler<'streamUpdates'> =>
  async ({ headers, query, user }, reply) => {
    const stream = await updates.open(user.id, headers['Last-Event-ID'])
    const { max_seconds = Number.POSITIVE_INFINITY } = query
    // Whoever has signed out, or was shut out, is told nothing more once the token has expired.
    const forMs = Math.min(max_seconds * 1_000, Math.max(0, user.expiresAt - Date.now()))
    return reply(200, new SseStream((signal) => stream.read(signal, forMs), { isMessage: false }))
  }
