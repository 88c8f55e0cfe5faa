import type { components } from '../../generated/contract.js'
import type { Connection } from './call.js'
import { createEventParser } from './event-parser.js'
import { ColloquyError, connectionLost } from './problem.js'
import { withTimeout } from './timing.js'

export type StreamEvent = components['schemas']['KnownStreamEvent']

interface Frame<E> {
  id: string
  /** undefined: the end of the stream (`[DONE]`) */
  event: E | undefined
}

const toFrame = <E>(id: string, data: string): Frame<E> => {
  if (data === '[DONE]') return { id, event: undefined }
  try {
    return { id, event: JSON.parse(data) as E }
  } catch (cause) {
    throw new ColloquyError('The stream contains an event that is not valid JSON.', {
      code: 'unexpected-answer',
      cause,
    })
  }
}

/**
 * Reads a connection's text as it comes. Throws `connection-lost` when the connection is lost, or when nothing arrives for
 * `silenceMs`.
 */
export async function* readText(
  { response: { body }, close }: Connection,
  silenceMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  const reader = body?.getReader()
  const silence = () => connectionLost(`The connection was silent for ${silenceMs / 1000} s.`)
  try {
    for (;;) {
      const read = reader?.read() ?? Promise.resolve(undefined)
      const chunk = await withTimeout(silenceMs, silence, read, signal).catch((error: unknown) => {
        signal?.throwIfAborted()
        throw error instanceof ColloquyError ? error : connectionLost('The connection was lost.', error)
      })
      if (!chunk || chunk.done) return
      yield decoder.decode(chunk.value, { stream: true })
    }
  } finally {
    void reader?.cancel().catch(() => {})
    close()
  }
}

/**
 * Reads a connection's server-sent events up to `[DONE]`. Throws `connection-lost` when the connection ends before that, or when
 * nothing arrives for `silenceMs`, not even the server's comments.
 */
export async function* readFrames<E = StreamEvent>(
  connection: Connection,
  silenceMs: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Frame<E>> {
  const parse = createEventParser()
  for await (const text of readText(connection, silenceMs, signal))
    for (const { id, data } of parse(text)) {
      connection.forget()
      yield toFrame(id, data)
    }
  throw connectionLost('The connection was lost.')
}
