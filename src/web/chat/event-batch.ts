import type { StreamEvent } from '../../client/index.js'

/** How long events wait for others, so that a fast model does not have the page drawn for every word. */
const BATCH_MS = 40

/** Hands events over in batches, the first one at once. */
export const batchEvents = (handle: (events: readonly StreamEvent[]) => void) => {
  let waiting: StreamEvent[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (waiting.length === 0) return
    const events = waiting
    waiting = []
    handle(events)
  }
  return {
    add(event: StreamEvent): void {
      waiting.push(event)
      // The turn's name is needed to stop it.
      if (event.type === 'data-turn') flush()
      else timer ??= setTimeout(flush, BATCH_MS)
    },
    flush,
  }
}
