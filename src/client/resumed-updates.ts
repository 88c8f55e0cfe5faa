import type { components } from '../../generated/contract.js'
import type { Connection } from './call.js'
import { readFrames } from './event-stream.js'
import { createRetryPolicy } from './retry-policy.js'

export type UpdateEvent = components['schemas']['KnownUpdateEvent']

/** A connection that has lived for so long counts as progress: a server that cuts every connection at once is asked less and less often. */
const LIVED_MS = 10_000

interface ResumedUpdatesOptions {
  /** Opens a connection that goes on after the event of that id. */
  connect: (after: string | undefined) => Promise<Connection>
  lastEventId: string | undefined
  retries: number
  silenceMs: number
  signal: AbortSignal | undefined
}

/** Reads updates over as many connections as needed, until the signal aborts; every connection begins with `ready` or `reset`. */
export async function* readResumedUpdates(options: ResumedUpdatesOptions): AsyncGenerator<UpdateEvent, void> {
  const { signal, silenceMs } = options
  const policy = createRetryPolicy({ retries: options.retries })
  let { lastEventId } = options
  for (;;) {
    let openedAt = Number.POSITIVE_INFINITY
    try {
      const connection = await options.connect(lastEventId)
      policy.connected()
      openedAt = performance.now()
      for await (const { id, event } of readFrames<UpdateEvent>(connection, silenceMs, signal)) {
        if (id) lastEventId = id
        if (!event) continue
        if (event.type !== 'ready' && event.type !== 'reset') policy.progressed()
        yield event
      }
    } catch (error) {
      signal?.throwIfAborted()
      if (performance.now() - openedAt > LIVED_MS) policy.progressed()
      await policy.waitOrThrow(error, signal)
      signal?.throwIfAborted()
    }
  }
}
