import { once } from 'node:events'
import { createServer, type IncomingMessage, request as open, type ServerResponse } from 'node:http'
import { contractOperations } from '../helpers/contract.js'
import { listen } from '../helpers/listen.js'
import type { Scope } from '../helpers/scope.js'

export type Headers = Record<string, string | string[] | undefined>

export interface ProxiedRequest {
  method: string
  /** with the query */
  url: string
  headers: Headers
  body: string
  /** of the contract's operation, a HEAD's too; empty when there is none */
  operation: string
}

export interface ProxiedAnswer {
  status: number
  headers: Headers
  body: string
}

export type Send = (request: ProxiedRequest) => Promise<ProxiedAnswer>

/** What is wrong with a server. */
export interface Fault {
  /** Answers in the server's place, or gives the request that the server gets. */
  request?(
    request: ProxiedRequest,
    send: Send,
  ): ProxiedRequest | ProxiedAnswer | Promise<ProxiedRequest | ProxiedAnswer>
  /** Changes an answer that is no stream. */
  answer?(answer: ProxiedAnswer, request: ProxiedRequest, send: Send): ProxiedAnswer | Promise<ProxiedAnswer>
  /** For each stream: what is sent in the place of a frame. */
  frames?(request: ProxiedRequest): (frame: string) => string[]
  /** Changes the head of a stream's answer. */
  streamHeaders?(headers: Headers): Headers
}

const operationOf = (method: string, url: string): string => {
  const [path = ''] = url.split('?')
  const found = contractOperations.find(
    (operation) =>
      operation.method === (method === 'HEAD' ? 'GET' : method) &&
      new RegExp(`^${operation.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  )
  return found?.operationId ?? ''
}

const readText = async (message: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk)
  // Whatever the bytes are, they are the same on the way out.
  return Buffer.concat(chunks).toString('latin1')
}

/** Several headers of a name stay several. */
const readHeaders = ({ rawHeaders }: IncomingMessage): Headers => {
  const headers: Record<string, string[]> = {}
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase()
    headers[name] = [...(headers[name] ?? []), rawHeaders[at + 1] ?? '']
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values[1] === undefined ? values[0] : values]),
  )
}

const written = (headers: Headers): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => value !== undefined && !/^(transfer-encoding|connection|keep-alive)$/.test(name),
    ),
  ) as Record<string, string | string[]>

const forward = async (
  target: URL,
  { method, url, headers, body }: ProxiedRequest,
): Promise<IncomingMessage> => {
  const bytes = Buffer.from(body, 'latin1')
  const { 'content-length': _, ...rest } = written(headers)
  const outgoing = open({
    host: target.hostname,
    port: target.port,
    method,
    path: url,
    headers: { ...rest, ...(bytes.length > 0 && { 'content-length': String(bytes.length) }) },
    maxHeaderSize: 1_000_000,
  })
  outgoing.end(bytes)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  return incoming
}

const isStream = ({ headers }: IncomingMessage): boolean =>
  String(headers['content-type']).startsWith('text/event-stream')

const sendStream = async (
  incoming: IncomingMessage,
  response: ServerResponse,
  request: ProxiedRequest,
  { frames, streamHeaders = (headers) => headers }: Fault,
): Promise<void> => {
  response.on('close', () => incoming.destroy())
  response.writeHead(incoming.statusCode ?? 0, written(streamHeaders(readHeaders(incoming))))
  response.flushHeaders()
  const change = frames?.(request) ?? ((frame) => [frame])
  let text = ''
  for await (const chunk of incoming) {
    text += (chunk as Buffer).toString('latin1')
    const parts = text.split('\n\n')
    text = parts.pop() ?? ''
    for (const frame of parts) for (const sent of change(frame)) response.write(`${sent}\n\n`, 'latin1')
  }
  response.end(text, 'latin1')
}

const isAnswer = (made: ProxiedRequest | ProxiedAnswer): made is ProxiedAnswer => 'status' in made

/** A server in front of the one at `target`, which has whatever fault it is given. */
export const faultyServer = (t: Scope, target: string, fault: Fault = {}): Promise<string> => {
  const at = new URL(target)
  const send: Send = async (request) => {
    const incoming = await forward(at, request)
    return {
      status: incoming.statusCode ?? 0,
      headers: readHeaders(incoming),
      body: await readText(incoming),
    }
  }
  const reply = (
    response: ServerResponse,
    { status, headers, body }: ProxiedAnswer,
    isHead: boolean,
  ): void => {
    const bytes = Buffer.from(body, 'latin1')
    const length = isHead || status === 204 ? headers['content-length'] : String(bytes.length)
    response.writeHead(status, written({ ...headers, 'content-length': length }))
    response.end(bytes)
  }
  const serve = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url = '' } = message
    const asked: ProxiedRequest = {
      method,
      url,
      headers: readHeaders(message),
      body: await readText(message),
      operation: operationOf(method, url),
    }
    const made = (await fault.request?.(asked, send)) ?? asked
    if (isAnswer(made)) return reply(response, made, method === 'HEAD')
    const incoming = await forward(at, made)
    if (isStream(incoming)) return sendStream(incoming, response, asked, fault)
    const answer = {
      status: incoming.statusCode ?? 0,
      headers: readHeaders(incoming),
      body: await readText(incoming),
    }
    reply(response, (await fault.answer?.(answer, asked, send)) ?? answer, method === 'HEAD')
  }
  const server = createServer({ maxHeaderSize: 1_000_000 }, (message, response) => {
    serve(message, response).catch(() => response.destroy())
  })
  return listen(t, server)
}
