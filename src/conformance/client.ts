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
  /** when it arrived, in ms after the request was sent */
  at: number
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
  /** the longest silence in the body, in ms */
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
  startedAt: number,
): Promise<{ response: WireResponse; error?: string }> =>
  new Promise((resolve) => {
    const chunks: Buffer[] = []
    const frames: Frame[] = []
    let bytes = 0
    let comments = 0
    let longestSilence = 0
    let lastAt = performance.now()
    let hasLeft = false
    const parser = createParser({
      onEvent({ id, event, data }) {
        if (hasLeft) return
        const frame = { id, event, data, at: Math.round(performance.now() - startedAt) }
        frames.push(frame)
        if (onFrame?.(frame)) hasLeft = true
      },
      onComment: () => {
        comments += 1
      },
    })
    const decoder = new TextDecoder()
    const settle = (isComplete: boolean, error?: string) => {
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
      const now = performance.now()
      longestSilence = Math.max(longestSilence, now - lastAt)
      lastAt = now
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

/** Sends one request and waits for its whole response, in bounded time and memory. It never rejects. */
export const exchange = async (request: WireRequest, options: RequestOptions): Promise<Exchange> => {
  const startedAt = performance.now()
  const finish = (rest: { response?: WireResponse; error?: string }): Exchange => ({
    request,
    ...rest,
    milliseconds: Math.round(performance.now() - startedAt),
  })
  return new Promise<Exchange>((resolve) => {
    const { protocol } = new URL(request.url)
    const { request: open } = protocol === 'https:' ? https : http
    const { body } = request
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    // The URL is given in parts: `new URL` would normalise what a check means to send as it is.
    const [, hostname, port, path] =
      /^https?:\/\/(\[[^\]]+\]|[^:/?#]+)(?::(\d+))?(.*)$/.exec(request.url) ?? []
    const outgoing = open({
      agent: protocol === 'https:' ? agents['https:'] : agents['http:'],
      protocol,
      hostname: hostname?.replace(/^\[|\]$/g, ''),
      port,
      path: path || '/',
      method: request.method,
      headers: { ...length, ...request.headers },
    })
    let hasAnswer = false
    const abort = (error: string) => {
      outgoing.destroy(new Error(error))
    }
    const timer = setTimeout(
      () => abort(`no complete answer within ${options.timeoutMs} ms`),
      options.timeoutMs,
    )
    const onAbort = () => abort('interrupted')
    options.signal?.addEventListener('abort', onAbort, { once: true })
    const end = (result: Exchange) => {
      clearTimeout(timer)
      options.signal?.removeEventListener('abort', onAbort)
      resolve(result)
    }
    outgoing.on('response', (incoming) => {
      hasAnswer = true
      void readBody(incoming, options, startedAt).then((rest) => end(finish(rest)))
    })
    // After the response has begun, the reader of its body tells what is wrong with it.
    outgoing.on('error', (error) => {
      if (!hasAnswer) end(finish({ error: messageOf(error) }))
    })
    if (options.signal?.aborted) onAbort()
    outgoing.end(body)
  })
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** How much of a body a curl line shows. */
const maxCurlBody = 4_000

/** The request as a line for a shell. `secrets` maps what must not be shown to the variable that stands for it. */
export const toCurl = ({ request }: Exchange, secrets: Record<string, string> = {}): string => {
  const { method, url, headers, body } = request
  const show = (text: string): string => {
    const found = Object.keys(secrets).find((secret) => secret !== '' && text.includes(secret))
    if (found === undefined) return quote(text)
    return text
      .split(found)
      .map((part) => (part === '' ? '' : quote(part)))
      .join(`"$${secrets[found]}"`)
  }
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((one) => `-H ${show(`${name}: ${one}`)}`),
  )
  const text = body === undefined ? undefined : body.toString()
  const data =
    text === undefined
      ? []
      : text.length > maxCurlBody
        ? [`--data-binary @- # a body of ${Buffer.byteLength(text)} bytes: ${quote(`${text.slice(0, 60)}…`)}`]
        : [`--data-binary ${quote(text)}`]
  const verb = method === 'GET' ? [] : method === 'HEAD' ? ['-I'] : [`-X ${method}`]
  return ['curl -sS -i --path-as-is', ...verb, quote(url), ...lines, ...data].join(' ')
}
