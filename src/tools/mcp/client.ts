import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Tool,
} from '@modelcontextprotocol/client'
import { Agent } from 'undici'
import { withTimeout } from '../../concurrency/with-timeout.js'
import { isJsonObject } from '../../json-object.js'
import { type CallOptions, ToolError, type TraceHeaders } from '../tool.js'
import { createBoundedFetch } from './bounded-fetch.js'
import { McpConnectionError, ResponseTooLargeError, SessionExpiredError } from './errors.js'
import { withoutNulls } from './json-rpc.js'
import { newProgressToken } from './progress.js'
import { isStreamClosed, redactedMessage } from './redacted-message.js'
import { boundRequests, interceptResults, runRequest } from './request.js'
import { type CallResult, takeResult, truncateErrorText } from './result.js'
import type { HttpServer, StdioServer, ToolServer } from './server-config.js'
import { createStdioTransport } from './stdio-transport.js'
import { createListReader, type ListedTool, MAX_LIST_RESPONSE_BYTES, type ToolList } from './tool-list.js'

/** A connected MCP client. */
export interface McpClient {
  /** Throws McpConnectionError. */
  list(signal: AbortSignal): Promise<ToolList>
  /** Throws ToolError, McpConnectionError, or the signal's reason. */
  call(tool: ListedTool, args: Record<string, unknown>, options: CallOptions): Promise<CallResult>
  /** resolves when the connection is closed, by either side */
  closed: Promise<void>
  close(): Promise<void>
}

export interface ClientOptions {
  /** signs a token for each HTTP request; undefined when requests carry no user token */
  signUserToken: (() => Promise<string>) | undefined
  traceHeaders?: TraceHeaders | undefined
  maxResponseBytes: number
  /** where a process's standard error goes */
  stderr: 'ignore' | 'inherit'
  signal: AbortSignal
}

/** Longer than any turn, because requests are limited by their signals rather than by the SDK's timeout. */
const NO_TIMEOUT_MS = 2 ** 31 - 1
const TERMINATE_MS = 2_000
/** The size limits for the responses to `initialize` and to the termination of a session. */
const INITIALIZE_BYTES = 262_144
const TERMINATE_BYTES = 65_536

/** SDK errors for a response that this client does not understand. */
const UNSUPPORTED_RESPONSES: unknown[] = [
  SdkErrorCode.InvalidResult,
  SdkErrorCode.UnsupportedResultType,
  SdkErrorCode.InputRequiredRoundsExceeded,
]

const createSdkClient = (mode: 'auto' | 'legacy') =>
  new Client(
    { name: 'colloquy', version: '0.1.0' },
    {
      // No capabilities, so requests from the server are refused.
      capabilities: {},
      inputRequired: { autoFulfill: false },
      versionNegotiation: { mode },
      // The list reader limits the pages itself.
      listMaxPages: 0,
    },
  )

const open = (server: ToolServer, options: ClientOptions) =>
  server.kind === 'http' ? openHttp(server, options) : openStdio(server, options)

const openHttp = ({ url, headers }: HttpServer, { signUserToken, traceHeaders }: ClientOptions) => {
  // A dispatcher per client, so that closing it closes every socket. The requests' signals limit the time.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: createBoundedFetch({ dispatcher, signUserToken, traceHeaders }),
    requestInit: { headers },
    // Streams are resumed by GET, which the fetch refuses.
    reconnectionOptions: {
      initialReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 0,
    },
  })
  boundRequests(transport)
  return {
    transport,
    client: createSdkClient('auto'),
    hasSession: () => transport.sessionId !== undefined,
    terminateSession: () =>
      withTimeout(undefined, TERMINATE_MS, (signal) =>
        runRequest({ signal, maxBytes: TERMINATE_BYTES }, () => transport.terminateSession()),
      ),
    end: async () => {
      await transport.close()
      await dispatcher.destroy()
    },
    failure: () => undefined,
  }
}

const openStdio = (server: StdioServer, { maxResponseBytes, stderr }: ClientOptions) => {
  const maxBytes = Math.max(maxResponseBytes, MAX_LIST_RESPONSE_BYTES)
  const transport = createStdioTransport(server, { maxBytes, stderr })
  return {
    transport,
    client: createSdkClient('legacy'),
    hasSession: () => false,
    terminateSession: async () => {},
    end: transport.close,
    failure: transport.failure,
  }
}

const textOr = (value: unknown, fallback: string): string => (typeof value === 'string' ? value : fallback)

/**
 * Reduces a server's introduction of itself to what the SDK needs. Its free text is never read, and would be kept for each user; of its
 * capabilities only the tools count. A server that names no capabilities at all may have tools.
 */
const reduceIntroduction = (result: Record<string, unknown>): void => {
  delete result.instructions
  const { capabilities } = result
  const { tools } = isJsonObject(capabilities) ? withoutNulls(capabilities) : { tools: {} }
  result.capabilities = tools === undefined || tools === false ? {} : { tools: {} }
  const { name, version } = isJsonObject(result.serverInfo) ? result.serverInfo : {}
  result.serverInfo = { name: textOr(name, 'unnamed'), version: textOr(version, '') }
}

const isMethodUnknown = (error: unknown): boolean => error instanceof ProtocolError && error.code === -32_601

/** Connects to a tool server. `signUserToken` ties the client to one user. Throws McpConnectionError. */
export const connectClient = async (server: ToolServer, options: ClientOptions): Promise<McpClient> => {
  const { client, transport, hasSession, terminateSession, end, failure } = open(server, options)
  const { signal, maxResponseBytes, traceHeaders } = options
  interceptResults(transport)
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve
  })
  const toConnectionError = (error: unknown): McpConnectionError => {
    const cause = failure() ?? error
    return cause instanceof SdkHttpError && cause.status === 404 && hasSession()
      ? new SessionExpiredError('its session has expired')
      : new McpConnectionError(redactedMessage(cause), { cause })
  }

  try {
    await runRequest({ signal, maxBytes: INITIALIZE_BYTES, onResult: reduceIntroduction }, () =>
      client.connect(transport, { signal, timeout: NO_TIMEOUT_MS }),
    )
  } catch (error) {
    const gone = end().catch(() => {})
    const failed = signal.aborted
      ? new McpConnectionError('it took too long to answer')
      : toConnectionError(error)
    throw Object.assign(failed, { gone })
  }

  return {
    async list(signal) {
      const reader = createListReader()
      const { warnings } = reader
      if (!client.getServerCapabilities()?.tools) return { tools: [], warnings }
      try {
        const { tools } = await runRequest(
          { signal, maxBytes: MAX_LIST_RESPONSE_BYTES, onResult: reader.readPage },
          () => client.listTools(undefined, { signal, timeout: NO_TIMEOUT_MS, cacheMode: 'bypass' }),
        )
        return { tools: reader.taken(tools.map(({ name }) => name)), warnings }
      } catch (error) {
        if (isMethodUnknown(error)) return { tools: [], warnings }
        throw signal.aborted
          ? new McpConnectionError('it took too long to list its tools')
          : toConnectionError(error)
      }
    },
    async call({ name, description, inputSchema }, args, { key, signal, onProgress }) {
      const progress = onProgress && { token: newProgressToken(), onProgress }
      // Asked for here and not by the SDK, which would validate each notification of a flood.
      const _meta = {
        'colloquy/idempotency_key': key,
        ...(progress && { progressToken: progress.token }),
        // Where a process has no headers; the names are reserved in MCP (SEP-414).
        ...traceHeaders?.(),
      }
      const params = { name, arguments: args, _meta }
      // Without the output schema: rejecting a result would not undo what the call has done.
      const toolDefinition = { name, description, inputSchema } as Tool
      let taken: CallResult = {}
      const onResult = (result: CallResult) => {
        taken = takeResult(result)
      }
      try {
        await runRequest({ signal, maxBytes: maxResponseBytes, onResult, progress }, () =>
          client.callTool(params, { signal, timeout: NO_TIMEOUT_MS, toolDefinition }),
        )
        return taken
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof ProtocolError && !isStreamClosed(error))
          throw new ToolError(truncateErrorText(error.message))
        if (error instanceof ResponseTooLargeError) {
          throw new ToolError(`The tool server failed: ${error.message}.`)
        }
        if (error instanceof SdkError && UNSUPPORTED_RESPONSES.includes(error.code)) {
          throw new ToolError('The tool server sent a response that cannot be read.')
        }
        throw toConnectionError(error)
      }
    },
    closed,
    async close() {
      await terminateSession().catch(() => {})
      await client.close()
      await end()
    },
  }
}
