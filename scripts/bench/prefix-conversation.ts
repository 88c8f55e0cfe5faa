import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { buildApp } from '../../src/app.js'
import { connect } from '../../src/db/connect.js'
import { openModel } from '../../src/models/open-model.js'
import type { ToolRegistry } from '../../src/tools/tool.js'
import { callsOf, secret } from './user.js'

interface Message {
  role: string
  content: string | null
}

/** A request as an openai-compatible provider gets it. */
export interface ProviderRequest {
  /** the body as it was sent */
  text: string
  messages: Message[]
  tools: unknown[]
}

export interface PrefixScenario {
  turns: number
  historyMessages: number
  historyTokens: number
  systemPrompt?: string
  tools?: ToolRegistry
}

/** Words that look like a conversation's: of any length, and no two turns alike. */
const createWriter = () => {
  let state = 1
  const next = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const word = () =>
    next(2 ** 31)
      .toString(36)
      .replace(/\d/g, '')
  return (least: number, most: number): string => {
    const length = least + next(most - least)
    let text = ''
    while (text.length < length) text += `${word()} `
    return text.slice(0, length).trim()
  }
}

const chunk = (delta: object, finish_reason: string | null = null): string =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`

/** A provider that calls the first tool once in every third turn, if there are any, and then answers. */
const startProvider = async (write: ReturnType<typeof createWriter>) => {
  const requests: ProviderRequest[] = []
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const part of request) text += part
    const { messages, tools = [] } = JSON.parse(text)
    requests.push({ text, messages, tools })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const isAsked = messages.at(-1).role === 'user'
    if (tools.length > 0 && isAsked && requests.length % 3 === 0) {
      const call = { name: tools[0].function.name, arguments: JSON.stringify({ query: write(5, 40) }) }
      response.write(chunk({ tool_calls: [{ index: 0, id: 'call_0', type: 'function', function: call }] }))
      response.write(chunk({}, 'tool_calls'))
    } else response.write(chunk({ content: write(100, 1_500) }) + chunk({}, 'stop'))
    response.end('data: [DONE]\n\n')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { requests, url: `http://127.0.0.1:${port}`, close: () => server.close() }
}

/** Tools whose definitions are about as long as those of real servers. */
export const prefixTools = (): ToolRegistry => {
  const write = createWriter()
  return {
    open: async () =>
      ['search', 'read', 'list', 'create', 'update'].map((name) => ({
        name,
        description: `Use ${name} to work with the user's tasks: their titles, their dates, and who has to do them.`,
        inputSchema: {
          type: 'object',
          properties: { query: { type: 'string', description: 'What to look for, or to change.' } },
          required: ['query'],
        },
        readOnly: true,
        call: async () => write(50, 3_000),
      })),
    close: async () => {},
  }
}

/** Has the real server run a conversation with a scripted provider, and gives what the provider was sent. */
export const converse = async (
  databaseUrl: string,
  { turns, historyMessages, historyTokens, systemPrompt, tools }: PrefixScenario,
): Promise<ProviderRequest[]> => {
  const write = createWriter()
  const provider = await startProvider(write)
  const none = { apiKey: undefined, baseUrl: undefined }
  const compatible = { ...none, baseUrl: provider.url }
  const model = await openModel('openai-compatible/m', {
    credentials: { openai: none, anthropic: none, google: none, 'openai-compatible': compatible },
    temperature: undefined,
    maxOutputTokens: undefined,
    firstEventTimeoutMs: 30_000,
    reasoning: false,
  })
  const db = connect({ url: databaseUrl, max: 2, prepare: 'auto' })
  const limits = { turnTimeoutMs: 30_000, busyWaitMs: 5_000, leaseMs: 15_000, historyMessages, historyTokens }
  const app = await buildApp({
    db,
    model,
    tools,
    systemPrompt,
    auth: { shared: { secret } },
    corsOrigins: [],
    log: pino({ level: 'silent' }),
    limits: { ...limits, toolSteps: 8, toolCalls: 32, toolTimeoutMs: 30_000 },
    shutdownMs: 1_000,
  })
  try {
    const user = await callsOf('prefix')
    let conversation_id: string | undefined
    for (let n = 0; n < turns; n += 1) {
      const { headers, path } = user.chat()
      const body = { conversation_id, message: write(20, 400) }
      const answer = await app.inject({ method: 'POST', url: path, headers, payload: JSON.stringify(body) })
      if (answer.statusCode !== 200) throw new Error(`a turn was answered ${answer.statusCode}`)
      conversation_id = answer.json().conversation_id
    }
    return provider.requests
  } finally {
    await app.close()
    await db.close()
    provider.close()
  }
}
