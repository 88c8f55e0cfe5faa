import { untilAborted } from '../../concurrency/until-aborted.js'
import { withTimeout } from '../../concurrency/with-timeout.js'
import { type CallOptions, ToolError } from '../tool.js'
import type { McpClient } from './client.js'
import { McpConnectionError, ServerUnavailableError, SessionExpiredError } from './errors.js'
import type { CallResult } from './result.js'
import type { ListedTool, ToolList } from './tool-list.js'

const LIST_MAX_AGE_MS = 60_000
/** How long a failed server is not contacted, so that turns do not wait for it one after the other. */
const BACKOFF_MS = 10_000

export interface SessionOptions {
  /** Throws McpConnectionError. */
  connect(signal: AbortSignal): Promise<McpClient>
  /** whether a server that fails to list its tools is closed at once, even while calls are running */
  closeOnListFailure: boolean
  /** Called with the reason when the server becomes unavailable, once per backoff. */
  onUnavailable(error: Error): void
  /** Called with the reason when a call ends without a response. */
  onLostCall(reason: string): void
  /** the time limit for connecting, and for listing the tools */
  connectMs: number
  /** monotonic clock, in milliseconds */
  now: () => number
}

interface CallRequest extends CallOptions {
  tool: ListedTool
  args: Record<string, unknown>
}

/** A tool server as one user sees it, or a stdio server as all users share it. Connects on demand and reconnects when needed. */
export interface Session {
  /** Returns the server's tools, at most a minute old. Throws ServerUnavailableError. */
  tools(): Promise<ToolList>
  /** Throws ToolError, or the signal's reason. */
  call(request: CallRequest): Promise<CallResult>
  /** Closes the client as soon as its calls have ended; resolves when it is closed. */
  retire(): Promise<void>
  /** Closes the client now. */
  close(): Promise<void>
}

/** A reference-counted client. */
interface SharedClient {
  client: Promise<McpClient>
  listed?: { at: number; list: Promise<ToolList> }
  uses: number
  isRetired: boolean
  /** resolves when it is closed */
  gone: Promise<void>
  end(): void
}

const shareClient = (client: Promise<McpClient>): SharedClient => {
  let end = () => {}
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  const gone = ended
    .then(async () => (await client).close())
    .catch((error) => (error instanceof McpConnectionError ? error.gone : undefined))
  return { client, uses: 0, isRetired: false, gone, end }
}

export const createSession = ({
  connect,
  connectMs,
  closeOnListFailure,
  onUnavailable,
  onLostCall,
  now,
}: SessionOptions): Session => {
  let current: SharedClient | undefined
  let backoff: { until: number; reason: string } | undefined
  const clients = new Set<SharedClient>()
  const closing = new AbortController()

  /** Takes no new calls, and closes the client when the last one has ended, or at once. */
  const retire = (shared: SharedClient, atOnce = false): void => {
    if (current === shared) current = undefined
    if (shared.isRetired) return
    shared.isRetired = true
    if (shared.uses === 0 || atOnce) shared.end()
  }

  const allGone = () => Promise.all([...clients].map(({ gone }) => gone))

  const backOff = (thrown: unknown): void => {
    const isReported = backoff && now() < backoff.until
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    backoff = { until: now() + BACKOFF_MS, reason: error.message }
    if (!isReported && !closing.signal.aborted) onUnavailable(error)
  }

  /** Returns the current client, or connects a new one within `signal` or `connectMs`. */
  const open = (signal?: AbortSignal): SharedClient => {
    if (backoff && now() < backoff.until) throw new ServerUnavailableError(backoff.reason)
    if (current) return current
    const shared = shareClient(signal ? connect(signal) : withTimeout(closing.signal, connectMs, connect))
    current = shared
    clients.add(shared)
    void shared.gone.then(() => clients.delete(shared))
    shared.client.then(
      ({ closed }) => closed.then(() => retire(shared)),
      (error) => {
        backOff(error)
        retire(shared)
      },
    )
    return shared
  }

  const use = async <T>(shared: SharedClient, work: (client: McpClient) => Promise<T>): Promise<T> => {
    shared.uses += 1
    try {
      const client = await shared.client.catch((error: Error) => {
        throw new ServerUnavailableError(error.message)
      })
      return await work(client)
    } finally {
      shared.uses -= 1
      if (shared.isRetired && shared.uses === 0) shared.end()
    }
  }

  const fetchList = async (shared: SharedClient, signal: AbortSignal): Promise<ToolList> => {
    try {
      const list = await use(shared, (client) => client.list(signal))
      backoff = undefined
      return list
    } catch (error) {
      retire(shared, closeOnListFailure)
      if (!(error instanceof SessionExpiredError)) backOff(error)
      throw error
    }
  }

  const tools = async (retryOnExpiry: boolean, signal: AbortSignal): Promise<ToolList> => {
    const shared = open(signal)
    if (!shared.listed || now() - shared.listed.at >= LIST_MAX_AGE_MS) {
      shared.listed = { at: now(), list: fetchList(shared, signal) }
    }
    try {
      return await shared.listed.list
    } catch (error) {
      if (error instanceof SessionExpiredError) {
        if (retryOnExpiry) return tools(false, signal)
        backOff(error)
      }
      throw new ServerUnavailableError((error as Error).message)
    }
  }

  const call = async (request: CallRequest, retryOnExpiry: boolean): Promise<CallResult> => {
    const { tool, args, ...options } = request
    let shared: SharedClient | undefined
    try {
      shared = open()
      const calling = use(shared, (client) => client.call(tool, args, options))
      return await untilAborted(calling, options.signal)
    } catch (error) {
      // The reason may name hosts: it goes to the log, not to the user.
      if (error instanceof ServerUnavailableError) throw new ToolError('The tool server cannot be reached.')
      if (!(error instanceof McpConnectionError)) throw error
      if (shared) retire(shared)
      // The server did not know the session, so it has not executed the call.
      if (error instanceof SessionExpiredError && retryOnExpiry) return call(request, false)
      onLostCall(error.message)
      throw new ToolError('The tool server failed; it is not known whether the call was executed.')
    }
  }

  return {
    tools: () => withTimeout(closing.signal, connectMs, (signal) => tools(true, signal)),
    call: (request) => call(request, true),
    async retire() {
      if (current) retire(current)
      await allGone()
    },
    async close() {
      closing.abort()
      if (current) retire(current, true)
      for (const shared of clients) shared.end()
      await allGone()
    },
  }
}
