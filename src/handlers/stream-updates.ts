import type { Handler } from '../http/handler.js'
import { SseStream } from '../http/sse.js'
import { problem } from '../problems.js'
import { maxStreamsOfUser } from '../updates/updates.js'
import type { Deps } from './deps.js'

const limit = 'update-streams'

/** The browser that has closed a tab, or whose tab has come to another instance, may have room at once. */
const tooManyStreams = () =>
  problem('rate-limited', {
    limit,
    detail: `No more than ${maxStreamsOfUser} streams of updates of a user are open at once on an instance.`,
    headers: {
      'retry-after': '1',
      ratelimit: `"${limit}";r=0`,
      'ratelimit-policy': `"${limit}";q=${maxStreamsOfUser}`,
    },
  })

export const streamUpdates =
  ({ updates, now }: Deps): Handler<'streamUpdates'> =>
  async ({ headers, query, user }, reply) => {
    const { max_seconds = Number.POSITIVE_INFINITY } = query
    // Whoever has signed out, or was shut out, is told nothing more once the token has expired.
    const maxDurationMs = Math.min(max_seconds * 1_000, Math.max(0, user.expiresAt - now()))
    const stream = await updates.open(user.id, headers['Last-Event-ID'], maxDurationMs)
    return stream ? reply(200, new SseStream(stream, { isMessage: false })) : tooManyStreams()
  }
