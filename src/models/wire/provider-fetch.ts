import { withAbortableBody } from '../../concurrency/with-timeout.js'
import { isJsonObject } from '../../json-object.js'
import { parseJson } from '../../parse-json.js'
import { ModelError } from '../model-error.js'
import { toModelError, toProviderError } from '../provider-errors.js'
import type { Dialect, EventReader } from './dialect.js'
import { isError, readBare } from './error-body.js'
import { NotAStreamError, readBodyStart, readEvents } from './read-events.js'
import { errorEvent } from './stream-error.js'

/** An event of a stream: one for the SDK, in the form that it parses, or an error in whatever shape. */
type Item = { data: string } | { error: unknown; isNotice?: boolean }

/** A keep-alive by its name, or by the text that it has for data. */
const keepAlive = /^\W*(ping|pong|keep.?alive|heart.?beat)\W*$/i

/** What ends a stream, as a server may write it. */
const isEndMark = (text: string): boolean => /^"?\[?done\]?"?$/i.test(text.trim())

/** The texts of an event: one, unless a server puts no blank lines between its events, or writes the field's name twice. */
const textsOf = (data: string): string[] => {
  const text = data.replace(/^(data:\s*)+/, '')
  return text.includes('\n') && parseJson(text) === undefined
    ? text.split('\n').map((line) => line.replace(/^data:\s*/, ''))
    : [text]
}

/** The server speaks the protocol of other models. */
const speaksChat = (): ModelError =>
  new ModelError('model-failed', 'the server speaks chat completions: name it openai-compatible/<model>')

/** Reads one text of an event; nothing for a keep-alive, which says nothing. */
const readText = (text: string, event: string, reader: EventReader): Item[] => {
  if (text.trim() === '' || keepAlive.test(event) || keepAlive.test(text)) return []
  const value = parseJson(text)
  if (event === 'error' || isError(value)) return [{ error: value ?? text }]
  // JSON that is cut, which the SDK says; other words are a comment, such as OpenRouter's.
  if (value === undefined) return /^\s*[[{]/.test(text) ? [{ data: 'unreadable' }] : []
  return [value].flat().flatMap((value): Item[] => {
    if (!isJsonObject(value)) return []
    // Where the data has no type of its own, the event's name is its type.
    const read = [reader.read({ ...value, ...(event && { type: value.type ?? event }) }) ?? []].flat()
    if (read.length > 0) return read.map((event) => ({ data: JSON.stringify(event) }))
    if (Array.isArray(value.choices)) throw speaksChat()
    const bare = readBare(value)
    return bare ? [{ error: value, isNotice: bare === 'notice' }] : []
  })
}

/** Reads a stream of events in a dialect, up to its first error. */
async function* readItems(body: ReadableStream<Uint8Array>, dialect: Dialect): AsyncGenerator<Item> {
  const reader = dialect.createReader()
  let isDone = false
  let hasBegun = false
  let notice: Item | undefined
  for await (const { event = '', data } of readEvents(body)) {
    for (const text of textsOf(data)) {
      isDone ||= isEndMark(text)
      for (const item of isDone ? [] : readText(text, event, reader)) {
        const isError = 'error' in item
        const isNotice = isError && item.isNotice
        notice = isNotice && !reader.hasEnded() ? item : undefined
        if (isNotice) continue
        hasBegun = true
        yield item
        if (isError) return
      }
    }
  }
  // An answer that has its [DONE] was not cut by what came before it.
  if (notice && !(isDone && hasBegun)) {
    yield notice
    return
  }
  const last = reader.end?.(isDone)
  if (last) yield { data: JSON.stringify(last) }
}

/** Encodes events as the SDK's parser expects them. */
async function* encode(first: Item, rest: AsyncGenerator<Item>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  const toBytes = (item: Item) =>
    encoder.encode(`data: ${'data' in item ? item.data : errorEvent(item.error)}\n\n`)
  yield toBytes(first)
  for await (const item of rest) yield toBytes(item)
}

const notAStream = ({ status, headers }: Response): ModelError => {
  const [type] = /^[a-z]+\/[a-z0-9.+-]+/i.exec(headers.get('content-type') ?? '') ?? ['no content type']
  // A page is not the provider's: another server answers in its place.
  const isUnavailable = type.toLowerCase() === 'text/html'
  const message = `not a stream: the provider answered ${status} in one piece (${type.slice(0, 50)})`
  return new ModelError('model-failed', message, { isUnavailable })
}

/** the headers that a request has besides the package's own */
export type ExtraHeaders = () => Record<string, string>

const withHeaders = (init: RequestInit | undefined, more: Record<string, string> | undefined) =>
  more ? { ...init, headers: { ...Object.fromEntries(new Headers(init?.headers)), ...more } } : init

/**
 * The `fetch` of a provider's package. It hands the package nothing but a stream of events in the form that it parses, and
 * throws a ModelError for everything else.
 */
export const providerFetch =
  (dialect: Dialect, secret: string | undefined, headersOf?: ExtraHeaders): typeof globalThis.fetch =>
  async (input, init) => {
    const response = await withAbortableBody(globalThis.fetch)(input, withHeaders(init, headersOf?.()))
    const { status, body } = response
    const headers = Object.fromEntries(response.headers)
    const refused = (error: unknown) => toProviderError({ status, headers, body: error, secret })
    if (!response.ok) throw refused(await readBodyStart(response))
    if (!body) throw notAStream(response)
    const items = readItems(body, dialect)
    try {
      // An error that comes first is one of the request: the SDK would give it a status of its own.
      const { value: first } = await items.next()
      if (!first) {
        throw new ModelError('model-broken-off', 'the response has no events', { isRetryable: true })
      }
      if ('error' in first) throw refused(first.error)
      return new Response(ReadableStream.from(encode(first, items)), { status, headers })
    } catch (error) {
      if (!(error instanceof NotAStreamError)) throw toModelError(error, secret)
      const value = parseJson(error.text)
      const isFailure = isError(value) || (isJsonObject(value) && readBare(value) !== undefined)
      throw isFailure ? refused(value) : notAStream(response)
    }
  }
