import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { ModelError } from '../model-error.js'

/** A response that is no stream of server-sent events: a page, or an answer in one piece. */
export class NotAStreamError extends Error {
  /** the beginning of the response's body */
  readonly text: string

  constructor(text: string) {
    super('the response is not a stream of events')
    this.text = text
  }
}

/** The longest event, in characters. */
const maxEvent = 16 * 1_024 * 1_024
/** How much of a body is read to say what it is. */
const maxText = 64 * 1_024

async function* decode(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  for await (const bytes of body) yield decoder.decode(bytes, { stream: true })
  yield decoder.decode()
}

/** Reads the beginning of a text, as far as it comes. */
const readStart = async (texts: AsyncIterable<string>, start: string): Promise<string> => {
  let text = start
  try {
    for await (const more of texts) {
      text += more
      if (text.length >= maxText) break
    }
  } catch {
    // What came says enough.
  }
  return text.slice(0, maxText)
}

/** Reads the beginning of a response's body as text. */
export const readBodyStart = async ({ body }: Response): Promise<string> =>
  body ? readStart(decode(body), '') : ''

const fields = ['data', 'event', 'id', 'retry', '']

/** Whether a body that begins so is a stream of events; undefined when it is too short to say. */
const isStream = (start: string): boolean | undefined => {
  const [, name = '', next] = /^([a-z]*)(.?)/s.exec(start) ?? []
  if (next === '') return fields.some((field) => field.startsWith(name)) ? undefined : false
  return fields.includes(name) && /[:\r\n]/.test(next ?? '')
}

/** Reads a response's server-sent events. Throws NotAStreamError when it has none. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage> {
  let events: EventSourceMessage[] = []
  const parser = createParser({
    maxBufferSize: maxEvent,
    onEvent: (event) => events.push(event),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded')
        throw new ModelError('model-broken-off', 'the provider sent an event that is too long')
    },
  })
  function* parse(text: string) {
    parser.feed(text)
    yield* events
    events = []
  }
  const texts = decode(body)
  let start = ''
  let isKnown = false
  for await (const text of texts) {
    if (isKnown) yield* parse(text)
    else {
      start = (start + text).trimStart()
      const is = isStream(start)
      if (is === false) throw new NotAStreamError(await readStart(texts, start))
      isKnown = is === true
      if (isKnown) yield* parse(start)
    }
  }
  if (!isKnown && start !== '') throw new NotAStreamError(start)
  // A last event may lack its blank line.
  if (isKnown) yield* parse('\n\n')
}
