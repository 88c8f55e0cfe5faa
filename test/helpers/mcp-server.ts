import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { NodeStreamableHTTPServerTransport, toNodeHandler } from '@modelcontextprotocol/node'
import { type CallToolResult, createMcpHandler, Server, type Tool } from '@modelcontextprotocol/server'
import type { Json } from './app.js'
import type { Scope } from './scope.js'

export interface McpRequest {
  method: string
  headers: IncomingHttpHeaders
  /** the JSON-RPC message, when there was one */
  body: Json
}

/** What a call is run with: the user whom the request's token names, the call's `_meta`, and a way to tell its progress. */
export interface CallContext {
  user: string
  meta: Record<string, unknown>
  signal: AbortSignal
  progress(params: object): Promise<void>
}

/** A tool as its server lists it, right or wrong. */
export interface ToolDeclaration {
  name: string
  description?: string
  inputSchema: object
  outputSchema?: object
  annotations?: Tool['annotations']
}

export interface McpServerOptions {
  tools: ToolDeclaration[]
  call(name: string, args: Json, context: CallContext): Promise<CallToolResult> | CallToolResult
  /** Finds the user of a request; undefined answers 401. */
  userOf?(headers: IncomingHttpHeaders): Promise<string | undefined> | string | undefined
  /** 2026: MCP 2026-07-28 alone, which knows no sessions; else 2025, with sessions */
  era?: '2025' | '2026'
  pageSize?: number
}

export interface McpServer {
  url: string
  /** all that it was sent, in order */
  requests: McpRequest[]
  /** how many sessions are open */
  sessions(): number
  /** Forgets every session, as a server does that was started anew. */
  forgetSessions(): void
  /** Answers requests in the server's place, but those for which it gives false; undefined gives all of them back. */
  answer(instead: ((request: McpRequest, response: ServerResponse) => unknown) | undefined): void
  /** how many answers ended before they were whole */
  abandoned(): number
  /** Closes the port, and opens the same one again. */
  stop(): Promise<void>
  start(): Promise<void>
}

const newServer = ({ tools, call, pageSize = tools.length }: McpServerOptions, user: string): Server => {
  const server = new Server({ name: 'test', version: '1' }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', ({ params }) => {
    const from = Number(params?.cursor ?? 0)
    const next = from + pageSize
    return {
      tools: tools.slice(from, next) as Tool[],
      ...(next < tools.length && { nextCursor: String(next) }),
      // MCP 2026 wants to know for how long, and for whom, a list is good.
      ttlMs: 0,
      cacheScope: 'private',
    }
  })
  server.setRequestHandler('tools/call', ({ params }, { mcpReq }) => {
    const meta: Record<string, unknown> = { ...params._meta }
    const { progressToken } = meta
    const progress = (params: object) =>
      mcpReq.notify({ method: 'notifications/progress', params: { progressToken, ...params } })
    return call(params.name, params.arguments ?? {}, { user, meta, signal: mcpReq.signal, progress })
  })
  return server
}

const readBody = async (request: IncomingMessage): Promise<Json> => {
  let text = ''
  for await (const chunk of request) text += chunk
  return text === '' ? undefined : JSON.parse(text)
}

/** A real MCP server over streamable HTTP, made of the official SDK; gone at the end of the test. */
export const mcpServer = async (t: Scope, options: McpServerOptions): Promise<McpServer> => {
  const { userOf = () => 'anybody', era = '2025' } = options
  const requests: McpRequest[] = []
  const sessions = new Map<string, { user: string; transport: NodeStreamableHTTPServerTransport }>()
  let instead: Parameters<McpServer['answer']>[0]
  let abandoned = 0

  const serve2026 = (user: string, request: IncomingMessage, response: ServerResponse, body: Json) =>
    toNodeHandler(createMcpHandler(() => newServer(options, user), { legacy: 'reject' }))(
      request,
      response,
      body,
    )

  const serve2025 = async (user: string, request: IncomingMessage, response: ServerResponse, body: Json) => {
    const id = request.headers['mcp-session-id']
    if (id === undefined && body?.method === 'initialize') {
      const transport = new NodeStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => void sessions.set(id, { user, transport }),
        onsessionclosed: (id) => void sessions.delete(id),
      })
      await newServer(options, user).connect(transport)
      return transport.handleRequest(request, response, body)
    }
    const session = sessions.get(String(id))
    if (session?.user !== user) return response.writeHead(id === undefined ? 400 : 404).end()
    return session.transport.handleRequest(request, response, body)
  }

  const server = createServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned += 1
    })
    const body = await readBody(request)
    const seen = { method: request.method ?? '', headers: request.headers, body }
    requests.push(seen)
    if (instead && (await instead(seen, response)) !== false) return
    const user = await userOf(request.headers)
    if (user === undefined) return response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
    await (era === '2026' ? serve2026 : serve2025)(user, request, response, body)
  })
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }
  const port = await listen(0)
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(stop)
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    requests,
    sessions: () => sessions.size,
    forgetSessions: () => sessions.clear(),
    answer(next) {
      instead = next
    },
    abandoned: () => abandoned,
    stop,
    start: async () => void (await listen(port)),
  }
}
