import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from './app.js'
import type { Scope } from './scope.js'

export interface UpstreamRequest {
  path: string
  headers: IncomingHttpHeaders
  body: Json
}

/** What a provider does with a request. */
export type Reply = (response: ServerResponse, request: UpstreamRequest) => unknown

export interface Upstream {
  url: string
  /** what it was asked, in order */
  requests: UpstreamRequest[]
  /** how many answers ended before they were whole: the client went away, or CUT */
  abandoned(): number
  /** What it does with the requests from now on, one after the other; the last one for all that follow. */
  answer(...replies: Reply[]): void
  /** Closes the port, and opens the same one again. */
  stop(): Promise<void>
  start(): Promise<void>
}

/** A local server in a provider's place. */
export const upstream = async (t: Scope): Promise<Upstream> => {
  const requests: UpstreamRequest[] = []
  let replies: Reply[] = []
  let abandoned = 0
  const server = createServer(async (request, response) => {
    response.on('close', () => {
      if (!response.writableFinished) abandoned += 1
    })
    let text = ''
    for await (const chunk of request) text += chunk
    const asked = { path: request.url ?? '', headers: request.headers, body: JSON.parse(text) }
    requests.push(asked)
    const reply = replies.length > 1 ? replies.shift() : replies[0]
    await reply?.(response, asked)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const stop = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(stop)
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    abandoned: () => abandoned,
    answer(...next) {
      replies = next
    },
    stop,
    async start() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
}

/** Refuses with a status and an error's JSON. */
export const refuse =
  (status: number, body: object, headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))

export type Step = string | 'CUT' | 'HANG' | (() => Promise<unknown>)

/** Sends server-sent events as they stand; CUT breaks the connection, HANG leaves it open, a function's promise is waited for. */
export const events =
  (...steps: Step[]): Reply =>
  async (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    for (const step of steps) {
      if (step === 'HANG') return
      if (typeof step !== 'string') await step()
      else if (step === 'CUT') {
        // What was written has to arrive first.
        await new Promise((resolve) => setTimeout(resolve, 20))
        response.destroy()
        return
      } else response.write(step)
    }
    response.end()
  }
