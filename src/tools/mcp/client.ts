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
import { ToolError } from '../tool.js'
import { guardedFetch } from './bounded-fetch.js'
import { isBrokenOff, reasonOf } from './error-message.js'
import { Disconnected, SessionExpired, TooLarge } from './errors.js'
import { endExchanges, exchange, showResults } from './request.js'
import { type CallResult, shortened } from './result.js'
import type { HttpServer, StdioServer, ToolServer } from './server-config.js'
import { stdioTransport } from './stdio-transport.js'
import { collectPages, type ListedTool, type Listing, READ_LIST_BYTES } from './tool-list.js'

export interface Connection {
  /** Throws Disconnected. */
  list(signal: AbortSignal): Promise<Listing>
  /** Throws ToolError, Disconnected, or the signal's reason. */
  call(
    tool: ListedTool,
    args: Record<string, unknown>,
    options: { key: string; signal: AbortSignal },
  ): Promise<CallResult>
  /** resolves when the connection is gone, whoever ended it */
  closed: Promise<void>
  close(): Promise<void>
}

export interface ConnectOptions {
  /** makes the token of an HTTP request; undefined when requests go without one of ours */
  token: (() => Promise<string>) | undefined
  maxAnswerBytes: number
  /** what becomes of a process's standard error */
  stderr: 'ignore' | 'inherit'
  signal: AbortSignal
}

/** Past every turn: calls are cut by their signal. */
const NEVER_MS = 2 ** 31 - 1
const GOODBYE_MS = 2_000
/** How long what a server says of itself may be, and its answer to a goodbye. */
const HANDSHAKE_BYTES = 262_144
const GOODBYE_BYTES = 65_536

/** What the server asked for, or answered, that this client does not know. */
const unknownAnswers: unknown[] = [
  SdkErrorCode.InvalidResult,
  SdkErrorCode.UnsupportedResultType,
  SdkErrorCode.InputRequiredRoundsExceeded,
]

const newClient = (mode: 'auto' | 'legacy') =>
  new Client(
    { name: 'colloquy', version: '0.1.0' },
    // Nothing is offered to a server: what it asks of the client is refused.
    {
      capabilities: {},
      inputRequired: { autoFulfill: false },
      versionNegotiation: { mode },
      // A list is ended by what it has.
      listMaxPages: 0,
    },
  )

const open = (server: ToolServer, options: ConnectOptions) =>
  server.kind === 'http' ? openHttp(server, options) : openStdio(server, options)

const openHttp = ({ url, headers }: HttpServer, { token }: ConnectOptions) => {
  // Of its own, so that no socket outlives it. Its limits are those of whoever waits.
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: guardedFetch({ dispatcher, token }),
    requestInit: { headers },
    // A stream that broke off is not taken up again, since GET is refused.
    reconnectionOptions: {
      initialReconnectionDelay: 0,
      maxReconnectionDelay: 0,
      reconnectionDelayGrowFactor: 1,
      maxRetries: 0,
    },
  })
  endExchanges(transport)
  return {
    transport,
    client: newClient('auto'),
    hasSession: () => transport.sessionId !== undefined,
    goodbye: () =>
      withTimeout(undefined, GOODBYE_MS, (signal) =>
        exchange({ signal, maxBytes: GOODBYE_BYTES }, () => transport.terminateSession()),
      ),
    end: async () => {
      await transport.close()
      await dispatcher.destroy()
    },
    failure: () => undefined,
  }
}

const openStdio = (server: StdioServer, { maxAnswerBytes, stderr }: ConnectOptions) => {
  const transport = stdioTransport(server, { maxBytes: Math.max(maxAnswerBytes, READ_LIST_BYTES), stderr })
  return {
    transport,
    client: newClient('legacy'),
    hasSession: () => false,
    goodbye: async () => {},
    end: transport.close,
    failure: transport.failure,
  }
}

/** Nobody reads more of what a server says of itself, and it would be kept for every user. */
const forgetWords = (result: Record<string, unknown>): void => {
  delete result.instructions
  const { name, version } = (result.serverInfo ?? {}) as Record<string, unknown>
  if (result.serverInfo) result.serverInfo = { name, version }
}

const listedTool = ({ name, description = '', inputSchema, annotations }: Tool): ListedTool => ({
  name,
  description,
  inputSchema,
  readOnly: annotations?.readOnlyHint ?? false,
})

/** Connects to a tool server, for one user where it is told who that is. Throws Disconnected. */
export const connect = async (server: ToolServer, options: ConnectOptions): Promise<Connection> => {
  const { client, transport, hasSession, goodbye, end, failure } = open(server, options)
  const { signal, maxAnswerBytes } = options
  showResults(transport)
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve
  })
  const disconnected = (error: unknown): Disconnected => {
    const cause = failure() ?? error
    return cause instanceof SdkHttpError && cause.status === 404 && hasSession()
      ? new SessionExpired('its session has expired')
      : new Disconnected(reasonOf(cause), { cause })
  }

  try {
    await exchange({ signal, maxBytes: HANDSHAKE_BYTES, onResult: forgetWords }, () =>
      client.connect(transport, { signal, timeout: NEVER_MS }),
    )
  } catch (error) {
    const gone = end().catch(() => {})
    throw Object.assign(
      signal.aborted ? new Disconnected('it took too long to answer') : disconnected(error),
      {
        gone,
      },
    )
  }

  return {
    async list(signal) {
      if (!client.getServerCapabilities()?.tools) return { tools: [], notes: new Map() }
      const pages = collectPages()
      try {
        const options = { signal, timeout: NEVER_MS, cacheMode: 'bypass' } as const
        const { tools } = await exchange({ signal, maxBytes: READ_LIST_BYTES, onResult: pages.take }, () =>
          client.listTools(undefined, options),
        )
        return { tools: tools.map(listedTool), notes: pages.notes }
      } catch (error) {
        throw signal.aborted ? new Disconnected('it took too long to list its tools') : disconnected(error)
      }
    },
    async call({ name, description, inputSchema }, args, { key, signal }) {
      const params = { name, arguments: args, _meta: { 'colloquy/idempotency_key': key } }
      // Without the schema of its output, which is the tool's own affair: what has been done is not undone by it.
      const toolDefinition = { name, description, inputSchema } as Tool
      try {
        return await exchange({ signal, maxBytes: maxAnswerBytes }, () =>
          client.callTool(params, { signal, timeout: NEVER_MS, toolDefinition }),
        )
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof ProtocolError && !isBrokenOff(error))
          throw new ToolError(shortened(error.message))
        if (error instanceof TooLarge) throw new ToolError(`The tool server failed: ${error.message}.`)
        if (error instanceof SdkError && unknownAnswers.includes(error.code)) {
          throw new ToolError('The tool server gave an answer that cannot be read.')
        }
        throw disconnected(error)
      }
    },
    closed,
    async close() {
      await goodbye().catch(() => {})
      await client.close()
      await end()
    },
  }
}
