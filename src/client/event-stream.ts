import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { components } from '../../generated/contract.js'

export type StreamEvent = components['schemas']['StreamEvent']

export interface Frame {
  id: string
  /** undefined: the stream is done */
  event: StreamEvent | undefined
}

/** The frames of a response of server-sent events, to its end, clean or not. */
export async function* readFrames(response: Response): AsyncGenerator<Frame> {
  const reader = response.body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader()
  try {
    for (;;) {
      const part = await reader?.read()
      if (!part || part.done) return
      const { id = '', data } = part.value
      yield { id, event: data === '[DONE]' ? undefined : (JSON.parse(data) as StreamEvent) }
    }
  } finally {
    void reader?.cancel().catch(() => {})
  }
}
