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

/** Whether it is a message, whatever version it names. */
const isMessage = (value: unknown): boolean =>
  isJsonObject(value) && ('method' in value || ('id' in value && ('result' in value || 'error' in value)))

/**
 * Brings a JSON-RPC message into the form that the SDK accepts: null is absent, unknown members are dropped, and a numeric id that was
 * sent back as a text is a number again. The SDK refuses a message with any of these, and then waits for the response. Anything else
 * stays as it is. `asked` is the id of the request that a body answers: an error may come without it.
 */
const normalizeMessage = (message: unknown, asked?: unknown): unknown => {
  if (!isJsonObject(message)) return message
  const given = withoutNulls(Object.fromEntries(MEMBERS.map((name) => [name, message[name]])))
  const known: JsonObject = isMessage(message) ? { ...given, jsonrpc: '2.0' } : given
  const { jsonrpc, method, params, error } = known
  const id = known.id ?? (error === undefined ? undefined : asked)
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
export const parseMessages = (text: string, asked?: unknown): unknown[] =>
  [JSON.parse(text.replace(/^\uFEFF/, ''))].flat().map((message) => normalizeMessage(message, asked))

/**
 * The text of an event or a body, normalized and without what `take` has taken, if anything is left. Unchanged when it is not JSON,
 * which the SDK then reports, or nested too deep to be written again.
 */
const normalizeText = (text: string, take: TakeProgress, asked?: unknown): string | undefined => {
  try {
    const received = parseMessages(text, asked)
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
  /** the id of the request that the body answers */
  asked?: unknown
}

const encoder = new TextEncoder()

async function* normalizeEvents(
  body: AsyncIterable<Uint8Array>,
  { take, onTaken, asked }: ProgressTaking,
): AsyncGenerator<Uint8Array> {
  const received: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => received.push(event) })
  const decoder = new TextDecoder()
  function* normalize(chunk: string) {
    parser.feed(chunk)
    for (const { event, id, data } of received.splice(0)) {
      const text = normalizeText(data, take, asked)
      if (text === undefined) {
        onTaken(Buffer.byteLength(data) + (id?.length ?? 0) + EVENT_BYTES)
        continue
      }
      const lines = text.split('\n').map((line) => `data: ${line}\n`)
      // The SDK reads messages under no other name.
      const name = text.startsWith('{"jsonrpc":"2.0"') ? undefined : event
      const fields = [name && `event: ${name}\n`, id && `id: ${id}\n`]
      yield encoder.encode(`${fields.filter(Boolean).join('')}${lines.join('')}\n`)
    }
  }
  for await (const chunk of body) yield* normalize(decoder.decode(chunk, { stream: true }))
  // A last event may lack its blank line.
  yield* normalize('\n\n')
}

async function* normalizeJson(
  body: AsyncIterable<Uint8Array>,
  { take, asked }: ProgressTaking,
): AsyncGenerator<Uint8Array> {
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true })
  yield encoder.encode(normalizeText(text + decoder.decode(), take, asked) ?? '[]')
}

/** Whether a body is JSON, as servers say it that do not say `application/json`. */
export const isJson = (contentType: string): boolean =>
  contentType === '' || /^(application\/([\w.+-]+\+)?json|text\/(plain|json))\b/i.test(contentType)

/** The body of an HTTP response with its messages normalized, and without progress notifications. */
export const normalizeBody = (
  contentType: string,
  body: AsyncIterable<Uint8Array>,
  taking: ProgressTaking,
): AsyncIterable<Uint8Array> => {
  if (/^text\/event-stream\b/i.test(contentType)) return normalizeEvents(body, taking)
  return isJson(contentType) ? normalizeJson(body, taking) : body
}
