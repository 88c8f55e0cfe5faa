/**
 * The names of spans and their attributes, as the semantic conventions of OpenTelemetry have them. Those for GenAI are not stable:
 * they are pinned here at the last version that has them beside those for HTTP and databases, and are changed in this file only.
 * https://github.com/open-telemetry/semantic-conventions/tree/v1.41.0/docs/gen-ai
 */
import type { SpanStart } from './tracing.js'

export const schemaVersion = '1.41.0'

/** Methods that the conventions for HTTP know; others would make any number of names. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'])

interface ReceivedRequest {
  method: string
  /** the path of the contract, with its parameters in braces; undefined when there is no such route */
  route: string | undefined
  operation: string | undefined
  scheme: string
  protocolVersion: string
  ids: { conversationId: string | undefined; turnId: string | undefined }
}

/** A request. Its path has the user's id, which spans do not: the route stands in its place. */
export const requestSpan = (request: ReceivedRequest): Pick<SpanStart, 'name' | 'kind' | 'attributes'> => {
  const isKnown = knownMethods.has(request.method)
  const { route, ids } = request
  return {
    name: [isKnown ? request.method : 'HTTP', route].filter(Boolean).join(' '),
    kind: 'server',
    attributes: {
      'http.request.method': isKnown ? request.method : '_OTHER',
      'http.route': route,
      'url.path': route,
      'url.scheme': request.scheme,
      'network.protocol.version': request.protocolVersion,
      'colloquy.operation': request.operation,
      'colloquy.turn.id': ids.turnId,
      'gen_ai.conversation.id': ids.conversationId,
    },
  }
}

/** A turn, which is an agent's work to the conventions: the model's answers and the tools' calls are below it. */
export const turnSpan: SpanStart = {
  name: 'invoke_agent',
  kind: 'internal',
  attributes: { 'gen_ai.operation.name': 'invoke_agent' },
}

export const turnIds = (conversationId: string, turnId: string) => ({
  'gen_ai.conversation.id': conversationId,
  'colloquy.turn.id': turnId,
})

/** What is known of a turn once its attempt has begun: its number, the model that it asks and the assistant, if any. */
export const attemptAttributes = (attempt: number, model: string, assistant: string | null) => ({
  'colloquy.turn.attempt': attempt,
  ...modelAttributes(model),
  'gen_ai.agent.name': assistant ?? undefined,
})

/** What the conventions call providers; an OpenAI-compatible server may be anybody's. */
const providerNames: Record<string, string> = { google: 'gcp.gemini', echo: 'colloquy' }

/** A model's name in its two parts: `openai/gpt-…` is `gpt-…` of `openai`. */
export const modelAttributes = (name: string) => {
  const [provider = name] = name.split('/', 1)
  return {
    'gen_ai.provider.name': providerNames[provider] ?? provider,
    'gen_ai.request.model': name === provider ? name : name.slice(provider.length + 1),
  }
}

interface Usage {
  input_tokens: number | null
  output_tokens: number | null
  cached_input_tokens: number | null
  reasoning_tokens: number | null
}

export const usageAttributes = (usage: Usage, cacheWriteTokens?: number) => ({
  'gen_ai.usage.input_tokens': usage.input_tokens ?? undefined,
  'gen_ai.usage.output_tokens': usage.output_tokens ?? undefined,
  'gen_ai.usage.cache_read.input_tokens': usage.cached_input_tokens ?? undefined,
  'gen_ai.usage.cache_creation.input_tokens': cacheWriteTokens,
  'gen_ai.usage.reasoning.output_tokens': usage.reasoning_tokens ?? undefined,
})

/** Our finish reasons in the conventions' spelling. */
export const toFinishReason = (reason: string): string => reason.replaceAll('-', '_')

/** One request to a model. */
export const chatSpan = (
  model: string,
  request: { temperature?: number | undefined; maxOutputTokens?: number | undefined },
): SpanStart => {
  const attributes = modelAttributes(model)
  return {
    name: `chat ${attributes['gen_ai.request.model']}`,
    kind: model === 'echo' ? 'internal' : 'client',
    attributes: {
      'gen_ai.operation.name': 'chat',
      ...attributes,
      'gen_ai.request.stream': true,
      'gen_ai.request.temperature': request.temperature,
      'gen_ai.request.max_tokens': request.maxOutputTokens,
    },
  }
}

/** A call of a tool. */
export const toolSpan = (tool: { name: string; description: string }, callId: string): SpanStart => ({
  name: `execute_tool ${tool.name}`,
  kind: 'internal',
  attributes: {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': tool.name,
    'gen_ai.tool.description': tool.description,
    'gen_ai.tool.call.id': callId,
    // Called by the server, not by its client.
    'gen_ai.tool.type': 'extension',
  },
})

/** A call of one of our functions for the turns of a batch. */
export const batchSpan = (functionName: string, size: number) => {
  const prefix = size > 1 ? 'BATCH ' : ''
  const procedure = `colloquy.${functionName}`
  return {
    name: prefix + procedure,
    attributes: {
      'db.system.name': 'postgresql',
      'db.operation.name': `${prefix}SELECT`,
      'db.query.summary': prefix + procedure,
      'db.stored_procedure.name': procedure,
      // The conventions want no size of one.
      'db.operation.batch.size': size > 1 ? size : undefined,
    },
  }
}

/** A transaction or statement for a request. */
export const databaseSpan: SpanStart = {
  name: 'postgresql',
  kind: 'client',
  attributes: { 'db.system.name': 'postgresql' },
}

/** How an error of the database is named: by its SQLSTATE, or by that of what made the database unavailable. */
export const databaseFailure = (error: unknown): { type: string; status: string | undefined } => {
  const { name, code, cause } = error as { name?: string; code?: unknown; cause?: { code?: unknown } }
  const found = String(code ?? cause?.code ?? '')
  return {
    type: found || name || 'error',
    status: /^[\dA-Z]{5}$/.test(found) ? found : undefined,
  }
}
