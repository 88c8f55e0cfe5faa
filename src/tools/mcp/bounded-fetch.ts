import { text } from 'node:stream/consumers'
import { type Dispatcher, request } from 'undici'
import { isJsonObject } from '../../json-object.js'
import { parseJson } from '../../parse-json.js'
import type { TraceHeaders } from '../tool.js'
import { InvalidResponseError, ResponseTooLargeError } from './errors.js'
import { isJson, normalizeBody, type ProgressTaking } from './json-rpc.js'
import { createFreeBytes, createProgressTaker } from './progress.js'
import { currentRequest, type RequestContext } from './request.js'

async function* limitBytes(body: AsyncIterable<Uint8Array>, context: RequestContext) {
  for await (const chunk of body) {
    context.bytesLeft -= chunk.byteLength
    if (context.bytesLeft < 0) {
      const error = new ResponseTooLargeError(context.maxBytes)
      context.fail(error)
      throw error
    }
    yield chunk
  }
}

/** Passes the progress in a response to its request, and does not count it as a part of the response. */
const progressTaking = (context: RequestContext, asked: unknown): ProgressTaking => {
  const isFree = createFreeBytes()
  return {
    asked,
    take: createProgressTaker((token) =>
      token === String(context.progress?.token) ? context.progress : undefined,
    ),
    onTaken(bytes) {
      if (isFree(bytes)) context.bytesLeft = Math.min(context.maxBytes, context.bytesLeft + bytes)
    },
  }
}

/** The JSON-RPC request in a body, if it is one. */
const requestIn = (body: unknown): { id?: unknown; method?: unknown } => {
  const message = typeof body === 'string' ? parseJson(body) : undefined
  return isJsonObject(message) ? message : {}
}

/** The statuses with which some servers send a call's own error; not those of an expired session or a missing user. */
const CALL_REFUSALS = [400, 422, 500]
/** Whether a text is the error of the request with this id. The SDK would not read it, and the call would seem lost. */
const isErrorOf = (answer: string, id: unknown): boolean => {
  const message = parseJson(answer)
  return isJsonObject(message) && message.id === id && isJsonObject(message.error)
}

/** The statuses for which the Response constructor refuses a body. */
const NULL_BODY_STATUSES = [204, 205, 304]
/** The only headers that the SDK reads. */
const FORWARDED_HEADERS = ['content-type', 'mcp-session-id']

export interface BoundedFetchOptions {
  dispatcher: Dispatcher
  /** signs a token for each request; undefined when requests carry no user token */
  signUserToken: (() => Promise<string>) | undefined
  traceHeaders?: TraceHeaders | undefined
}

/**
 * The `fetch` for requests to a tool server: it signs a token for each request, refuses redirects, limits the response's size,
 * normalizes its messages and ends with the current request. Node's own fetch gives up after five minutes, and once the
 * headers have arrived its signal can be garbage-collected.
 */
export const createBoundedFetch =
  ({ dispatcher, signUserToken, traceHeaders }: BoundedFetchOptions) =>
  async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    // The stream for unsolicited server messages would hold a socket per session.
    if (init.method === 'GET') return new Response(null, { status: 405 })
    const context = currentRequest()
    if (!context) throw new Error('an HTTP request to a tool server was made outside of runRequest()')
    const headers = new Headers(init.headers)
    if (!headers.has('user-agent')) headers.set('user-agent', 'colloquy')
    if (signUserToken) headers.set('authorization', `Bearer ${await signUserToken()}`)
    const {
      statusCode,
      headers: received,
      body,
    } = await request(url, {
      dispatcher,
      method: init.method as Dispatcher.HttpMethod,
      headers: { ...Object.fromEntries(headers), ...traceHeaders?.() },
      body: (init.body ?? null) as string | null,
      signal: context.signal,
    })
    // A reader sees the error itself; without a reader it must not crash the process.
    body.on('error', () => {})
    // A redirect could send the token to another host.
    if (statusCode >= 300 && statusCode < 400) throw new InvalidResponseError('it answered with a redirect')
    const forwarded = FORWARDED_HEADERS.flatMap((name): [string, string][] => {
      const value = received[name]
      return typeof value === 'string' ? [[name, value]] : []
    })
    const type = String(received['content-type'] ?? '')
    // The SDK reads JSON under no other name.
    const sent = forwarded.filter(([name]) => name !== 'content-type' || !isJson(type))
    if (isJson(type)) sent.push(['content-type', 'application/json'])
    const { id, method } = requestIn(init.body)
    // An error without an id may be about the session, where the status is one.
    const isWhole = statusCode < 300
    const content = normalizeBody(
      type,
      limitBytes(body, context),
      progressTaking(context, isWhole ? id : undefined),
    )
    if (method === 'tools/call' && CALL_REFUSALS.includes(statusCode)) {
      const answer = await text(content)
      return new Response(answer, { status: isErrorOf(answer, id) ? 200 : statusCode, headers: sent })
    }
    const stream = NULL_BODY_STATUSES.includes(statusCode) ? null : ReadableStream.from(content)
    return new Response(stream, { status: statusCode, headers: sent })
  }
