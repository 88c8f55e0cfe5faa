import { createParser } from 'eventsource-parser'
import type { components } from '../../generated/contract.js'
import { ColloquyError } from './problem.js'
import { withTimeout } from './timing.js'

export type StreamEvent = components['schemas']['KnownStreamEvent']

export interface Frame {
  id: string
  /** undefined: the end of the stream (`[DONE]`) */
  event: StreamEvent | undefined
}

const connectionLost = (message: string, cause?: unknown) =>
  new ColloquyError(message, { code: 'connection-lost', cause })

const toFrame = (id: string, data: string): Frame => {
  if (data === '[DONE]') return { id, event: undefined }
  try {
    return { id, event: JSON.parse(data) as StreamEvent }
  } catch (cause) {
    throw new ColloquyError('The stream contains an event that is not valid JSON.', {
      code: 'unexpected-answer',
      cause,
    })
  }
}

/**
 * Reads a response's server-sent events up to `[DONE]`. Throws `connection-lost` when the connection ends before that, or when
 * nothing arrives for `silenceMs`, not even the server's comments.
 */
export async function* readFrames(
  { body }: Response,
  silenceMs: number,
  signal: AbortSignal,
): AsyncGenerator<Frame> {
  const parsed: { id: string; data: string }[] = []
  const parser = createParser({ onEvent: ({ id = '', data }) => void parsed.push({ id, data }) })
  const decoder = new TextDecoder()
  const reader = body?.getReader()
  const silence = () => connectionLost(`The connection was silent for ${silenceMs / 1000} s.`)
  try {
    for (;;) {
      const chunk = await withTimeout(
        silenceMs,
        silence,
        reader?.read() ?? Promise.resolve(undefined),
        signal,
      ).catch((error: unknown) => {
        signal.throwIfAborted()
        throw error instanceof ColloquyError ? error : connectionLost('The connection was lost.', error)
      })
      if (!chunk || chunk.done) throw connectionLost('The connection was lost.')
      parser.feed(decoder.decode(chunk.value, { stream: true }))
      for (const { id, data } of parsed.splice(0)) yield toFrame(id, data)
    }
  } finally {
    void reader?.cancel().catch(() => {})
  }
}
