import { createParser } from 'eventsource-parser'
import type { components } from '../../generated/contract.js'
import { ColloquyError } from './problem.js'
import { within } from './timing.js'

export type StreamEvent = components['schemas']['StreamEvent']

export interface Frame {
  id: string
  /** undefined: the stream is done */
  event: StreamEvent | undefined
}

const lost = (message: string, cause?: unknown) =>
  new ColloquyError(message, { code: 'connection-lost', cause })

const toFrame = (id: string, data: string): Frame => {
  if (data === '[DONE]') return { id, event: undefined }
  try {
    return { id, event: JSON.parse(data) as StreamEvent }
  } catch (cause) {
    throw new ColloquyError('The stream has an event that is not JSON.', { code: 'unexpected-answer', cause })
  }
}

/**
 * The frames of a response of server-sent events, to the one that says that it is done. A connection that ends before is
 * lost, and so is one on which nothing comes for `silenceMs`, not even the server's comments.
 */
export async function* readFrames(
  { body }: Response,
  silenceMs: number,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  const arrived: { id: string; data: string }[] = []
  const parser = createParser({ onEvent: ({ id = '', data }) => void arrived.push({ id, data }) })
  const decoder = new TextDecoder()
  const reader = body?.getReader()
  const silent = () => lost(`The connection was silent for ${silenceMs / 1000} s.`)
  try {
    for (;;) {
      const part = await within(
        silenceMs,
        silent,
        reader?.read() ?? Promise.resolve(undefined),
        signal,
      ).catch((error: unknown) => {
        signal.throwIfAborted()
        throw error instanceof ColloquyError ? error : lost('The connection was cut.', error)
      })
      if (!part || part.done) throw lost('The connection was cut.')
      parser.feed(decoder.decode(part.value, { stream: true }))
      for (const { id, data } of arrived.splice(0)) yield toFrame(id, data)
    }
  } finally {
    void reader?.cancel().catch(() => {})
  }
}
