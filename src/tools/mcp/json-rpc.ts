import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { isJsonObject, type JsonObject } from '../../json-object.js'
import type { TakeProgress } from './progress.js'

/** JSON-RPC's code for an error that has no code of its own. */
const INTERNAL_ERROR = -32_603
const MEMBERS = ['jsonrpc', 'id', 'method', 'params', 'result', 'error']

export const withoutNulls = (value: JsonObject): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null && member !== undefined))

/** Without a `_meta` that is not an object, for which the SDK would drop the whole message. */
const withoutInvalidMeta = ({ _meta, ...rest }: JsonObject): JsonObject =>
  isJsonObject(_meta) ? { ...rest, _meta } : rest

/** What a response's `result` stands for: many servers leave it out or send null when there is nothing to say. */
const normalizeResult = (result: unknown): JsonObject => {
  if (isJsonObject(result)) return withoutInvalidMeta(result)
  // Only a call can have a result that is not an object.
  return result === null || result === undefined ? {} : { content: result }
}

const normalizeError = (error: unknown): JsonObject => {
  const { code, message, ...rest } = isJsonObject(error) ? error : { message: error }
  const isKnown = typeof code === 'number' && Number.isInteger(code)
  return {
    ...rest,
    code: isKnown ? code : INTERNAL_ERROR,
    message: typeof message === 'string' ? message : '',
  }
}

/**
 * Brings a JSON-RPC message into the form that the SDK accepts: null is absent, unknown members are dropped, and a numeric id that was
 * sent back as a text is a number again. The SDK refuses a message with any of these, and then waits for the response. Anything else
 * stays as it is.
 */
const normalizeMessage = (message: unknown): unknown => {
  if (!isJsonObject(message)) return message
  const known = withoutNulls(Object.fromEntries(MEMBERS.map((name) => [name, message[name]])))
  const { jsonrpc, id, method, params, error } = known
  if (method !== undefined) {
    return isJsonObject(params) ? { ...known, params: withoutInvalidMeta(withoutNulls(params)) } : known
  }
  const response = {
    jsonrpc,
    ...(id !== undefined && { id: typeof id === 'string' && /^\d{1,15}$/.test(id) ? Number(id) : id }),
  }
  if (error !== undefined) return { ...response, error: normalizeError(error) }
  return id === undefined ? message : { ...response, result: normalizeResult(message.result) }
}

/** Parses a text with one message or a batch of them. Throws SyntaxError. */
export const parseMessages = (text: string): unknown[] =>
  [JSON.parse(text.replace(/^\uFEFF/, ''))].flat().map(normalizeMessage)

/**
 * The text of an event or a body, normalized and without what `take` has taken, if anything is left. Unchanged when it is not JSON,
 * which the SDK then reports, or nested too deep to be written again.
 */
const normalizeText = (text: string, take: TakeProgress): string | undefined => {
  try {
    const received = parseMessages(text)
    const messages = received.filter((message) => !take(message))
    if (messages.length === 0 && received.length > 0) return undefined
    return JSON.stringify(messages.length === 1 ? messages[0] : messages)
  } catch {
    return text
  }
}

/** What an event takes on the wire besides its data and id, about. */
const EVENT_BYTES = 24

export interface ProgressTaking {
  take: TakeProgress
  /** called with the size of an event that was nothing but progress */
  onTaken(bytes: number): void
}

const encoder = new TextEncoder()

async function* normalizeEvents(
  body: AsyncIterable<Uint8Array>,
  { take, onTaken }: ProgressTaking,
): AsyncGenerator<Uint8Array> {
  const received: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => received.push(event) })
  const decoder = new TextDecoder()
  for await (const chunk of body) {
    parser.feed(decoder.decode(chunk, { stream: true }))
    for (const { event, id, data } of received.splice(0)) {
      const text = normalizeText(data, take)
      if (text === undefined) {
        onTaken(Buffer.byteLength(data) + (id?.length ?? 0) + EVENT_BYTES)
        continue
      }
      const lines = text.split('\n').map((line) => `data: ${line}\n`)
      const fields = [event && `event: ${event}\n`, id && `id: ${id}\n`]
      yield encoder.encode(`${fields.filter(Boolean).join('')}${lines.join('')}\n`)
    }
  }
}

async function* normalizeJson(
  body: AsyncIterable<Uint8Array>,
  take: TakeProgress,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true })
  yield encoder.encode(normalizeText(text + decoder.decode(), take) ?? '[]')
}

/** The body of an HTTP response with its messages normalized, and without progress notifications. */
export const normalizeBody = (
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  taking: ProgressTaking,
): AsyncIterable<Uint8Array> => {
  if (/^text\/event-stream\b/i.test(contentType)) return normalizeEvents(body, taking)
  return /^application\/json\b/i.test(contentType) ? normalizeJson(body, taking.take) : body
}
