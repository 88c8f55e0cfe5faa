import { untilAborted } from '../../concurrency/until-aborted.js'
import { withTimeout } from '../../concurrency/with-timeout.js'
import { ToolError } from '../tool.js'
import type { Connection } from './client.js'
import { Disconnected, SessionExpired } from './errors.js'
import type { CallResult } from './result.js'
import type { ListedTool, Listing } from './tool-list.js'

const LIST_KEPT_MS = 60_000
/** How long a server that failed is left alone, so that turns do not wait for it one after the other. */
const PAUSE_MS = 10_000

/** The server cannot be used now, in words that are fit for a log. */
export class Unavailable extends Error {}

export interface SessionOptions {
  /** Connects; throws Disconnected. */
  connect(signal: AbortSignal): Promise<Connection>
  /** whether a server that cannot list its tools is ended at once, whatever runs on it */
  endsAtOnce: boolean
  /** Hears why the server cannot be used, once in each pause. */
  failed(error: Error): void
  /** Hears why a call had no answer. */
  lost(reason: string): void
  /** how long it may take to connect, and to list the tools */
  connectMs: number
  /** milliseconds of a clock that never goes back */
  now: () => number
}

interface Call {
  tool: ListedTool
  args: Record<string, unknown>
  key: string
  signal: AbortSignal
}

/** A server as one user sees it, or a process as all do: connected when it is needed, and again when that was lost. */
export interface Session {
  /** The server's tools, at most a minute old. Throws Unavailable. */
  tools(): Promise<Listing>
  /** Calls a tool. Throws ToolError, or the signal's reason. */
  call(call: Call): Promise<CallResult>
  /** Ends the connection as soon as no call runs on it; resolves when it is gone. */
  leave(): Promise<void>
  /** Ends the connection now. */
  close(): Promise<void>
}

/** A connection, and how many use it. */
interface Link {
  connection: Promise<Connection>
  listed?: { at: number; listing: Promise<Listing> }
  users: number
  isDropped: boolean
  /** resolves when it is gone */
  gone: Promise<void>
  end(): void
}

const newLink = (connection: Promise<Connection>): Link => {
  let end = () => {}
  const ending = new Promise<void>((resolve) => {
    end = resolve
  })
  const gone = ending
    .then(async () => (await connection).close())
    .catch((error) => (error instanceof Disconnected ? error.gone : undefined))
  return { connection, users: 0, isDropped: false, gone, end }
}

export const createSession = ({
  connect,
  connectMs,
  endsAtOnce,
  failed,
  lost,
  now,
}: SessionOptions): Session => {
  let current: Link | undefined
  let failure: { until: number; reason: string } | undefined
  const links = new Set<Link>()
  const closing = new AbortController()

  /** Uses it for nothing new, and ends it when nobody uses it any more. */
  const drop = (link: Link, atOnce = false): void => {
    if (current === link) current = undefined
    if (link.isDropped) return
    link.isDropped = true
    if (link.users === 0 || atOnce) link.end()
  }

  const allGone = () => Promise.all([...links].map(({ gone }) => gone))

  const pause = (error: unknown): void => {
    const isKnown = failure && now() < failure.until
    const reason = error instanceof Error ? error : new Error(String(error))
    failure = { until: now() + PAUSE_MS, reason: reason.message }
    if (!isKnown && !closing.signal.aborted) failed(reason)
  }

  /** Connects within `signal`, or the bound for connecting. */
  const open = (signal?: AbortSignal): Link => {
    if (failure && now() < failure.until) throw new Unavailable(failure.reason)
    if (current) return current
    const link = newLink(signal ? connect(signal) : withTimeout(closing.signal, connectMs, connect))
    current = link
    links.add(link)
    void link.gone.then(() => links.delete(link))
    link.connection.then(
      ({ closed }) => closed.then(() => drop(link)),
      (error) => {
        pause(error)
        drop(link)
      },
    )
    return link
  }

  const on = async <T>(link: Link, work: (connection: Connection) => Promise<T>): Promise<T> => {
    link.users += 1
    try {
      const connection = await link.connection.catch((error: Error) => {
        throw new Unavailable(error.message)
      })
      return await work(connection)
    } finally {
      link.users -= 1
      if (link.isDropped && link.users === 0) link.end()
    }
  }

  const list = async (link: Link, signal: AbortSignal): Promise<Listing> => {
    try {
      const listing = await on(link, (connection) => connection.list(signal))
      failure = undefined
      return listing
    } catch (error) {
      drop(link, endsAtOnce)
      if (!(error instanceof SessionExpired)) pause(error)
      throw error
    }
  }

  const tools = async (mayRepeat: boolean, signal: AbortSignal): Promise<Listing> => {
    const link = open(signal)
    if (!link.listed || now() - link.listed.at >= LIST_KEPT_MS) {
      link.listed = { at: now(), listing: list(link, signal) }
    }
    try {
      return await link.listed.listing
    } catch (error) {
      if (error instanceof SessionExpired) {
        if (mayRepeat) return tools(false, signal)
        pause(error)
      }
      throw new Unavailable((error as Error).message)
    }
  }

  const call = async (asked: Call, mayRepeat: boolean): Promise<CallResult> => {
    const { tool, args, key, signal } = asked
    let link: Link | undefined
    try {
      link = open()
      const calling = on(link, (connection) => connection.call(tool, args, { key, signal }))
      return await untilAborted(calling, signal)
    } catch (error) {
      // Reasons are for the log: they name hosts, and users read this.
      if (error instanceof Unavailable) throw new ToolError('The tool server cannot be reached.')
      if (!(error instanceof Disconnected)) throw error
      if (link) drop(link)
      // The server has run nothing of a session that it did not know.
      if (error instanceof SessionExpired && mayRepeat) return call(asked, false)
      lost(error.message)
      throw new ToolError('The tool server failed; whether it has carried out the call is not known.')
    }
  }

  return {
    tools: () => withTimeout(closing.signal, connectMs, (signal) => tools(true, signal)),
    call: (asked) => call(asked, true),
    async leave() {
      if (current) drop(current)
      await allGone()
    },
    async close() {
      closing.abort()
      if (current) drop(current, true)
      for (const link of links) link.end()
      await allGone()
    },
  }
}
