import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Changes, createTomorrow } from './tomorrow.js'

interface Response {
  $ref?: string
  content?: Record<string, { schema: { $ref: string } }>
}

export interface Contract {
  paths: Record<string, Record<string, { operationId: string; responses: Record<string, Response> }>>
  components: { responses: Record<string, Response> }
}

export interface ClientProxy {
  url: string
  /** the operations that have been answered without a refusal */
  answered: Set<string>
  /** what it has changed so far */
  changes: Changes
  /** what it has sent that the clients' contract does not take */
  faults: Set<string>
  close(): void
}

const operationsOf = ({ paths }: Contract) =>
  Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
      })),
  )

/** What moves whole files is not called; see generated-client.ts. */
const filesMoved = ['importUser', 'exportUser']

/** How many operations a client is to call. */
export const countOperations = (contract: Contract): number =>
  operationsOf(contract).filter(({ operationId }) => !filesMoved.includes(operationId)).length

/**
 * Stands in front of a server and notes which operations it answers. With `isTomorrow` it changes the answers to those of a
 * later version (tomorrow.ts).
 */
export const startProxy = async (
  target: string,
  contract: Contract,
  { isTomorrow, clientContract = contract }: { isTomorrow: boolean; clientContract?: Contract },
): Promise<ClientProxy> => {
  const operations = operationsOf(contract)
  const { change, changeFrame, changes, faults } = createTomorrow(contract, clientContract)
  const answered = new Set<string>()

  /** The schema of what is answered, where the contract has one. */
  const schemaOf = (responses: Record<string, Response>, { statusCode, headers }: IncomingMessage) => {
    const declared = responses[String(statusCode)]
    const response = declared?.$ref
      ? contract.components.responses[declared.$ref.split('/').at(-1) ?? '']
      : declared
    return response?.content?.[String(headers['content-type']).split(';')[0] ?? '']?.schema
  }

  const later = (schema: { $ref: string }, type: string): Transform => {
    const isStream = type.startsWith('text/event-stream')
    let text = ''
    return new Transform({
      transform(chunk, _encoding, done) {
        text += chunk
        const frames = isStream ? text.split('\n\n') : []
        if (isStream) text = frames.pop() ?? ''
        done(null, frames.map((frame) => `${changeFrame(schema, frame)}\n\n`).join(''))
      },
      flush(done) {
        done(null, isStream || text === '' ? text : JSON.stringify(change(schema, JSON.parse(text))))
      },
    })
  }

  const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const url = new URL(incoming.url ?? '', target)
    const operation = operations.find(
      ({ method, pattern }) => method === incoming.method && pattern.test(url.pathname),
    )
    const { method, headers } = incoming
    const asked = request(url, { method, headers: { ...headers, host: url.host }, agent: false })
    outgoing.on('close', () => asked.destroy())
    void pipeline(incoming, asked).catch(() => {})
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    const { statusCode = 502 } = answer
    if (operation && statusCode < 400) answered.add(operation.operationId)
    const schema = isTomorrow && operation ? schemaOf(operation.responses, answer) : undefined
    const { 'content-length': length, ...rest } = answer.headers
    if (!schema) {
      outgoing.writeHead(statusCode, answer.headers).flushHeaders()
      return pipeline(answer, outgoing)
    }
    outgoing.writeHead(statusCode, { ...rest, 'x-tomorrow': 'another day' }).flushHeaders()
    return pipeline(answer.setEncoding('utf8'), later(schema, String(rest['content-type'])), outgoing)
  }

  // What the client makes of a connection that is cut is its own affair.
  const server = createServer((incoming, outgoing) => {
    void forward(incoming, outgoing).catch(() => outgoing.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answered,
    changes,
    faults,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
