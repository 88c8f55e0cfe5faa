import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Json } from '../../test/helpers/app.js'
import { chatCompletions as wire } from '../../test/helpers/provider-wire.js'
import { createScope } from '../../test/helpers/scope.js'
import { todoServer } from '../../test/helpers/todo-server.js'
import { newToolsPem } from '../../test/helpers/tools.js'
import { events, type Reply, upstream } from '../../test/helpers/upstream.js'
import { startServer } from '../bench/server.js'

/**
 * A message `<tool> <arguments>` makes the model call that tool and then say what it gave; `slowly` is answered until it is
 * cancelled.
 */
const assistant: Reply = (response, request) => {
  const last: Json = request.body.messages.at(-1)
  if (last.role === 'tool') return events(...wire.answer(last.content))(response, request)
  if (last.content === 'slowly') return events(wire.begin, wire.text('Slowly'), 'HANG')(response, request)
  const [, name = '', args = '{}'] = /^(\w+) (.*)$/.exec(last.content) ?? []
  return events(...wire.calls(['call_1', name, args]))(response, request)
}

/** The program with an embedded PostgreSQL, a model that calls tools, and a tool server. */
export const startWorld = async (folder: string, signal: AbortSignal) => {
  const scope = createScope()
  try {
    const provider = await upstream(scope)
    provider.answer(assistant)
    let url = ''
    const todo = await todoServer(scope, { jwksUrl: () => `${url}/.well-known/jwks.json` })
    const CHAT_MCP_CONFIG = join(folder, 'mcp.json')
    await writeFile(CHAT_MCP_CONFIG, JSON.stringify({ mcpServers: { todo: { url: todo.url } } }))
    const env = {
      DATA_DIR: join(folder, 'data'),
      CHAT_MCP_CONFIG,
      CHAT_TOOLS_KEY: newToolsPem(),
      CHAT_MODEL: 'openai-compatible/assistant',
      OPENAI_COMPATIBLE_BASE_URL: provider.url,
    }
    const program = ['--import', 'tsx', 'src/main.ts', 'serve']
    const server = await startServer({ program, env }, { folder, signal })
    scope.teardown(server.stop)
    url = server.url
    return { url, stop: scope.end }
  } catch (error) {
    await scope.end()
    throw error
  }
}
