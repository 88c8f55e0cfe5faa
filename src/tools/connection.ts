import {
  Client,
  ProtocolError,
  SdkError,
  SdkErrorCode,
  SdkHttpError,
  StreamableHTTPClientTransport,
  type Tool,
} from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { limited } from '../limited.js'
import { Disconnected, SessionExpired } from './disconnected.js'
import { BROKEN_OFF, endExchanges, exchange } from './exchange.js'
import { guardedFetch, TooLarge } from './guarded-fetch.js'
import { shortened } from './result.js'
import type { HttpServer, StdioServer, ToolServer } from './servers.js'
import { ToolError } from './tool.js'

export type ListedTool = Tool
export type CallResult = Awaited<ReturnType<Client['callTool']>>

export interface Connection {
  /** Throws Disconnected. */
  list(signal: AbortSignal): Promise<ListedTool[]>
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
const LIST_PAGES = 100
const GOODBYE_MS = 2_000

/** What the server asked for, or answered, that this client does not know. */
const unknownAnswers: unknown[] = [
  SdkErrorCode.InvalidResult,
  SdkErrorCode.UnsupportedResultType,
  SdkErrorCode.InputRequiredRoundsExceeded,
]

const isBrokenOff = (error: unknown): boolean => error instanceof ProtocolError && error.code === BROKEN_OFF

const fetchFailures = ['fetch failed', 'terminated']

const networkReason = (cause: unknown): string => {
  // One for each address of a host that has several.
  const [error = cause] = cause instanceof AggregateError ? cause.errors : []
  const { message } = error as Error
  return message === 'unexpected redirect' ? 'it answered with a redirect' : message
}

/** Why a server is of no use, in words that hold none of its own: those may quote a user, or a key. */
const reasonOf = (error: unknown): string => {
  if (error instanceof TooLarge) return error.message
  if (error instanceof SdkHttpError) return `it answered ${error.status}`
  if (isBrokenOff(error)) return 'it broke off its answer'
  if (error instanceof ProtocolError) return `it answered with the error ${error.code}`
  if (!(error instanceof Error)) return 'it failed'
  if ('syscall' in error) return error.message
  // The words of fetch are about the connection.
  if (fetchFailures.includes(error.message)) return networkReason(error.cause ?? error)
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (!(error instanceof SdkError)) return 'its answer cannot be read'
  return error.code === SdkErrorCode.ConnectionClosed
    ? 'the connection was closed'
    : `it failed (${error.code})`
}

const newClient = (mode: 'auto' | 'legacy') =>
  new Client(
    { name: 'colloquy', version: '0.1.0' },
    // Nothing is offered to a server: what it asks of the client is refused.
    {
      capabilities: {},
      inputRequired: { autoFulfill: false },
      versionNegotiation: { mode },
      listMaxPages: LIST_PAGES,
    },
  )

const open = (server: ToolServer, options: ConnectOptions) =>
  server.kind === 'http' ? openHttp(server, options) : openStdio(server, options)

const openHttp = ({ url, headers }: HttpServer, { token, maxAnswerBytes }: ConnectOptions) => {
  const transport = new StreamableHTTPClientTransport(new URL(url), {
    fetch: guardedFetch({ token, maxBytes: maxAnswerBytes }),
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
  const goodbye = () =>
    limited(undefined, GOODBYE_MS, (limit) => exchange(limit, () => transport.terminateSession()))
  return {
    transport,
    client: newClient('auto'),
    hasSession: () => transport.sessionId !== undefined,
    goodbye,
  }
}

const openStdio = ({ command, args, env, cwd }: StdioServer, { maxAnswerBytes, stderr }: ConnectOptions) => {
  // The SDK adds to `env` what is safe to inherit (PATH, HOME …) and nothing else of ours.
  const transport = new StdioClientTransport({
    command,
    args,
    env,
    stderr,
    maxBufferSize: maxAnswerBytes,
    ...(cwd !== undefined && { cwd }),
  })
  return { transport, client: newClient('legacy'), hasSession: () => false, goodbye: async () => {} }
}

/** Connects to a tool server, for one user where it is told who that is. Throws Disconnected. */
export const connect = async (server: ToolServer, options: ConnectOptions): Promise<Connection> => {
  const { client, transport, hasSession, goodbye } = open(server, options)
  const { signal } = options
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve
  })
  const failure = (error: unknown): Disconnected =>
    error instanceof SdkHttpError && error.status === 404 && hasSession()
      ? new SessionExpired('its session has expired')
      : new Disconnected(reasonOf(error), { cause: error })

  const giveUp = () => void transport.close().catch(() => {})
  signal.addEventListener('abort', giveUp, { once: true })
  try {
    await exchange(signal, () => client.connect(transport, { signal, timeout: NEVER_MS }))
  } catch (error) {
    giveUp()
    throw signal.aborted ? new Disconnected('it took too long to answer') : failure(error)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }

  return {
    async list(signal) {
      if (!client.getServerCapabilities()?.tools) return []
      try {
        const options = { signal, timeout: NEVER_MS, cacheMode: 'bypass' } as const
        return (await exchange(signal, () => client.listTools(undefined, options))).tools
      } catch (error) {
        throw signal.aborted ? new Disconnected('it took too long to list its tools') : failure(error)
      }
    },
    async call({ outputSchema: _, ...tool }, args, { key, signal }) {
      const params = { name: tool.name, arguments: args, _meta: { 'colloquy/idempotency_key': key } }
      try {
        // Without the schema of its output, which is the tool's own affair: what has been done is not undone by it.
        const options = { signal, timeout: NEVER_MS, toolDefinition: tool }
        return await exchange(signal, () => client.callTool(params, options))
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (error instanceof ProtocolError && !isBrokenOff(error))
          throw new ToolError(shortened(error.message))
        if (error instanceof TooLarge) throw new ToolError(`The tool server failed: ${error.message}.`)
        if (error instanceof SdkError && unknownAnswers.includes(error.code)) {
          throw new ToolError('The tool server gave an answer that cannot be read.')
        }
        throw failure(error)
      }
    },
    closed,
    async close() {
      await goodbye().catch(() => {})
      await client.close()
    },
  }
}
