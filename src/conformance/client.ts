import * as http from 'node:http'
import * as https from 'node:https'
import { createParser } from 'eventsource-parser'

/** A request as it goes over the wire. Nothing is added to it but the host, the length and the connection's headers. */
export interface WireRequest {
  method: string
  url: string
  /** several values of a name are sent as several headers */
  headers: Record<string, string | string[]>
  body?: string | Buffer | undefined
}

/** A frame of a stream of server-sent events. */
export interface Frame {
  id: string | undefined
  /** the frame's name; undefined in streams of this contract */
  event: string | undefined
  data: string
}

export interface WireResponse {
  status: number
  /** names in lower case; several headers of a name joined by `, ` */
  headers: Record<string, string>
  /** the body as text */
  text: string
  /** whether the bytes were valid UTF-8 */
  isUtf8: boolean
  /** of a `text/event-stream`, as they came */
  frames: Frame[]
  /** how many comments a stream had */
  comments: number
  /** the longest silence in the body, that before its end too, in ms */
  longestSilence: number
  /** false when the reader left, or the connection was cut before the body's end */
  isComplete: boolean
}

/** What was sent and what came of it. */
export interface Exchange {
  request: WireRequest
  /** undefined when none came: see `error` */
  response?: WireResponse
  /** why there is no response, or no complete one */
  error?: string
  milliseconds: number
}

export interface RequestOptions {
  /** the time for the whole exchange */
  timeoutMs: number
  maxBytes: number
  signal?: AbortSignal
  /** Is told of each frame as it arrives. A true result leaves the stream. */
  onFrame?(frame: Frame): boolean | undefined
}

const readHeaders = (headers: http.IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )

const isEventStream = ({ headers }: http.IncomingMessage): boolean =>
  /^text\/event-stream\b/i.test(headers['content-type'] ?? '')

const agents = {
  'http:': new http.Agent({ keepAlive: true, maxSockets: 64 }),
  'https:': new https.Agent({ keepAlive: true, maxSockets: 64 }),
}

const messageOf = (error: unknown): string => {
  const { message, code } = error as Error & { code?: string }
  return message || code || String(error)
}

const codeOf = (error: unknown): string => String((error as { code?: unknown }).code)

/** A reader that cannot make sense of a frame reads on: the frame is judged at the end. */
const wantsToLeave = (frame: Frame, onFrame: RequestOptions['onFrame']): boolean => {
  try {
    return onFrame?.(frame) === true
  } catch {
    return false
  }
}

const isUtf8 = (bytes: Buffer): boolean => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return true
  } catch {
    return false
  }
}

/** Reads the body to its end, to `maxBytes`, or until `onFrame` leaves. Never rejects: what went wrong is in `error`. */
const readBody = (
  incoming: http.IncomingMessage,
  { maxBytes, onFrame }: RequestOptions,
): Promise<{ response: WireResponse; error?: string }> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const frames: Frame[] = []
    let bytes = 0
    let comments = 0
    let longestSilence = 0
    let lastAt = performance.now()
    let hasLeft = false
    const hear = () => {
      const now = performance.now()
      longestSilence = Math.max(longestSilence, now - lastAt)
      lastAt = now
    }
    const parser = createParser({
      onEvent({ id, event, data }) {
        if (hasLeft) return
        const frame = { id, event, data }
        frames.push(frame)
        hasLeft = wantsToLeave(frame, onFrame)
      },
      onComment: () => {
        comments += 1
      },
    })
    const decoder = new TextDecoder()
    let isSettled = false
    const settle = (isComplete: boolean, error?: string) => {
      if (isSettled) return
      isSettled = true
      if (isComplete) hear()
      const all = Buffer.concat(chunks)
      const response = {
        status: incoming.statusCode ?? 0,
        headers: readHeaders(incoming.headers),
        text: all.toString('utf8'),
        isUtf8: !isComplete || isUtf8(all),
        frames,
        comments,
        longestSilence: Math.round(longestSilence),
        isComplete,
      }
      resolve(error === undefined ? { response } : { response, error })
    }
    const stop = (error?: string) => {
      settle(false, error)
      incoming.destroy()
    }
    incoming.on('data', (chunk: Buffer) => {
      hear()
      bytes += chunk.length
      chunks.push(chunk)
      if (isEventStream(incoming)) parser.feed(decoder.decode(chunk, { stream: true }))
      if (bytes > maxBytes) stop(`the body has more than ${maxBytes} bytes`)
      else if (hasLeft) stop()
    })
    incoming.on('end', () => settle(true))
    incoming.on('error', (error) => settle(false, messageOf(error)))
    incoming.on('close', () => settle(false, 'the connection was cut'))
  })

/** Why no response came, and whether the server had closed a connection that was kept open before it saw the request. */
interface Unanswered {
  error: string
  wasStale: boolean
}

/** Opens the request. The URL is given in parts: `new URL` would normalise what a check means to send as it is. */
const open = ({ method, url, headers, body }: WireRequest): http.ClientRequest => {
  const [, protocol, hostname, port, path] =
    /^(https?:)\/\/(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(.*)$/.exec(url) ?? []
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options = {
    hostname: hostname?.replace(/^\[|\]$/g, ''),
    port,
    path: path || '/',
    method,
    headers: { ...length, ...headers },
  }
  return protocol === 'https:'
    ? https.request({ ...options, agent: agents['https:'] })
    : http.request({ ...options, agent: agents['http:'] })
}

const sendOnce = (
  request: WireRequest,
  options: RequestOptions,
): Promise<Pick<Exchange, 'response' | 'error'> | Unanswered> =>
  new Promise((resolve) => {
    const { timeoutMs, signal } = options
    const outgoing = open(request)
    let hasAnswer = false
    let stopped: string | undefined
    const stop = (reason: string) => {
      stopped = reason
      outgoing.destroy(new Error(reason))
    }
    const timer = setTimeout(() => stop(`no complete answer within ${timeoutMs} ms`), timeoutMs)
    const onAbort = () => stop('interrupted')
    signal?.addEventListener('abort', onAbort, { once: true })
    const settle: typeof resolve = (result) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      resolve(result)
    }
    outgoing.on('response', (incoming) => {
      hasAnswer = true
      void readBody(incoming, options).then((read) =>
        settle(read.error !== undefined && stopped !== undefined ? { ...read, error: stopped } : read),
      )
    })
    outgoing.on('error', (error) => {
      // After the response has begun, the reader of its body tells what is wrong with it.
      if (hasAnswer) return
      const wasStale = outgoing.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(codeOf(error))
      settle({ error: stopped ?? messageOf(error), wasStale: wasStale && stopped === undefined })
    })
    if (signal?.aborted) onAbort()
    outgoing.end(request.body)
  })

/** Sends one request and waits for its whole response, in bounded time and memory. It never rejects. */
export const exchange = async (request: WireRequest, options: RequestOptions): Promise<Exchange> => {
  const startedAt = performance.now()
  const send = () =>
    Promise.resolve()
      .then(() => sendOnce(request, options))
      .catch((error: unknown) => ({
        error: `the request cannot be sent: ${messageOf(error)}`,
        wasStale: false,
      }))
  let result = await send()
  // Node's documentation asks to send such a request again.
  if ('wasStale' in result && result.wasStale) result = await send()
  const { error, response } = { response: undefined, ...result }
  return {
    request,
    ...(response && { response }),
    ...(error !== undefined && { error }),
    milliseconds: Math.round(performance.now() - startedAt),
  }
}
