import { EventSourceParserStream } from 'eventsource-parser/stream'
import type { StreamEvent } from '../../src/turns/stream/ui-message-stream.js'
import { within } from './wait.js'

export interface SeenFrame {
  id: string
  event: StreamEvent | '[DONE]'
}

export interface StreamAnswer {
  status: number
  headers: Headers
  /** what has come so far */
  frames: SeenFrame[]
  /** Waits for the frame that the condition wants, and gives it; undefined when the stream ends without it. */
  until(condition: (frame: SeenFrame) => boolean): Promise<SeenFrame | undefined>
  /** Waits for the stream's end, clean or not, and gives all of its events. */
  all(): Promise<SeenFrame['event'][]>
  /** Goes away, as a closed tab does. */
  leave(): Promise<void>
}

/** Reads server-sent events as a client does, with a parser that is not ours. */
export const readStream = (response: Response): StreamAnswer => {
  const frames: SeenFrame[] = []
  const reader = response.body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader()
  const next = async (): Promise<SeenFrame | undefined> => {
    const part = await reader?.read().catch(() => undefined)
    if (!part || part.done) return undefined
    const { id = '', data } = part.value
    const frame = { id, event: data === '[DONE]' ? data : JSON.parse(data) } as SeenFrame
    frames.push(frame)
    return frame
  }
  const until: StreamAnswer['until'] = async (condition) => {
    const seen = frames.find(condition)
    if (seen) return seen
    const what = () => `a frame that fits ${condition}; so far ${JSON.stringify(frames.slice(-5))}`
    for (;;) {
      const frame = await within(what, next())
      if (!frame || condition(frame)) return frame
    }
  }
  return {
    status: response.status,
    headers: response.headers,
    frames,
    until,
    async all() {
      await until(() => false)
      return frames.map(({ event }) => event)
    },
    leave: async () => reader?.cancel(),
  }
}

/** The text that a list of events adds up to. */
export const textOf = (events: readonly SeenFrame['event'][]): string =>
  events.map((event) => (event !== '[DONE]' && event.type === 'text-delta' ? event.delta : '')).join('')

/** What a list of events consists of. */
export const typesOf = (events: readonly SeenFrame['event'][]): string[] =>
  events.map((event) => (event === '[DONE]' ? event : event.type))

type DataTurn = Extract<StreamEvent, { type: 'data-turn' }>['data']

const isTurn = ({ event }: SeenFrame): boolean => event !== '[DONE]' && event.type === 'data-turn'

/** The turn that a stream tells of. */
export const turnOf = async (answer: StreamAnswer): Promise<DataTurn> => {
  const frame = await answer.until(isTurn)
  if (!frame || frame.event === '[DONE]' || frame.event.type !== 'data-turn') throw new Error('no turn')
  return frame.event.data
}

/** The code of the error that a list of events ends with. */
export const errorOf = (events: readonly SeenFrame['event'][]): string | undefined => {
  const [turn, error, last] = events.slice(-3)
  const isError = last === '[DONE]' && error !== '[DONE]' && error?.type === 'error'
  return isError && turn !== '[DONE]' && turn?.type === 'data-turn' ? turn.data.error?.code : undefined
}
