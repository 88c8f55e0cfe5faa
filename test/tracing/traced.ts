import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { createClient } from '../helpers/api-client.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { mcpServer } from '../helpers/mcp-server.js'
import { otlpReceiver, type ReceivedSpan } from '../helpers/otlp-receiver.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { newToolsPem } from '../helpers/tools.js'
import { upstream } from '../helpers/upstream.js'

/** A server process that sends its traces to a collector, with a provider and a tool server that it calls. */

export const secretMessage = 'The message that nobody else may read'
export const secretWords = 'The answer that nobody else may read'
export const secretArgument = 'an argument that nobody else may read'
export const secretResult = 'a result that nobody else may read'
export const providerError = 'an error of the provider that quotes the message'
export const secrets = [secretMessage, secretWords, secretArgument, secretResult, providerError]

export const openTraced = async (t: Test, settings: Record<string, string> = {}) => {
  const { url: DATABASE_URL } = await testDatabase(t)
  const [provider, collector, folder] = await Promise.all([upstream(t), otlpReceiver(t), testFolder(t)])
  const metas: Record<string, unknown>[] = []
  const tools = await mcpServer(t, {
    tools: [
      { name: 'look_up', description: 'Looks something up.', inputSchema: { type: 'object' } },
      { name: 'fail', inputSchema: { type: 'object' } },
    ],
    call(name, _args, { meta }) {
      metas.push(meta)
      return { content: [{ type: 'text', text: secretResult }], isError: name === 'fail' }
    },
  })
  const CHAT_MCP_CONFIG = join(folder, 'mcp.json')
  await writeFile(CHAT_MCP_CONFIG, JSON.stringify({ mcpServers: { it: { url: tools.url } } }))
  const server = await startServer(t, {
    env: {
      DATABASE_URL,
      BETTER_AUTH_SECRET: SECRET,
      CHAT_MCP_CONFIG,
      CHAT_TOOLS_KEY: newToolsPem(),
      CHAT_MODEL: 'openai-compatible/m',
      CHAT_MODELS: 'echo',
      CHAT_TEMPERATURE: '0.5',
      OPENAI_COMPATIBLE_BASE_URL: provider.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      ...settings,
    },
  })
  const client = createClient(server.url)
  /** The spans of a turn and its request. When the request's has come, all that was below it has come. */
  const traceOf = async (turnId: string): Promise<{ request: ReceivedSpan; turn: ReceivedSpan }> => {
    const turn = await collector.span(
      `turn ${turnId}`,
      ({ name, attributes }) => /^invoke_agent/.test(name) && attributes['colloquy.turn.id'] === turnId,
    )
    const request = await collector.span(
      `the request of turn ${turnId}`,
      ({ spanId }) => spanId === turn.parentSpanId,
    )
    return { request, turn }
  }
  return { ...client, server, provider, tools, collector, metas, traceOf }
}

export type Traced = Awaited<ReturnType<typeof openTraced>>
