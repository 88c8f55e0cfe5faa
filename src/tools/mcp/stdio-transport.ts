import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type JSONRPCMessage,
  parseJSONRPCMessage,
  SdkError,
  SdkErrorCode,
  type Transport,
} from '@modelcontextprotocol/client'
import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio'
import { ResponseTooLargeError } from './errors.js'
import { parseMessages } from './json-rpc.js'
import { type ProcessGroup, startGroup } from './process-group.js'
import { createFreeBytes, createProgressTaker, type ProgressListener } from './progress.js'
import { currentRequest } from './request.js'
import type { StdioServer } from './server-config.js'

/** How long the remaining output of an exited process is read. */
const DRAIN_MS = 500

export interface StdioTransport extends Transport {
  /** Ends the process and its descendants; resolves when they have exited. */
  close(): Promise<void>
  /** why the transport closed by itself */
  failure(): Error | undefined
}

export interface StdioOptions {
  /** the size limit for a response, and for all output between two responses */
  maxBytes: number
  /** where the process's standard error goes */
  stderr: 'ignore' | 'inherit'
}

/**
 * An MCP transport over a process's standard input and output. The SDK's own transport ends only the process that it spawned, not
 * its descendants, and reads unsolicited messages without a limit.
 */
export const createStdioTransport = (
  { command, args, env, cwd }: StdioServer,
  { maxBytes, stderr }: StdioOptions,
): StdioTransport => {
  let unfinishedLine: Buffer[] = []
  let lineBytes = 0
  const pending = new Set<unknown>()
  /** by the token of the call */
  const listeners = new Map<string, ProgressListener>()
  let starting: Promise<ProcessGroup> | undefined
  let input: Writable | undefined
  let closing: Promise<void> | undefined
  let failure: Error | undefined
  let unsolicitedBytes = 0

  const fail = (error: Error): void => {
    failure ??= error
    transport.onerror?.(error)
    void transport.close()
  }

  const deliver = (message: JSONRPCMessage): void => {
    if (!('method' in message) && pending.delete(message.id)) unsolicitedBytes = 0
    transport.onmessage?.(message)
  }

  const takeProgress = createProgressTaker((token) => listeners.get(token))
  const isFree = createFreeBytes()

  const readLine = (line: string, bytes: number): void => {
    try {
      const received = parseMessages(line)
      const messages = received.filter((message) => !takeProgress(message))
      if (messages.length < received.length && isFree(bytes)) {
        unsolicitedBytes = Math.max(0, unsolicitedBytes - bytes)
      }
      for (const message of messages) deliver(parseJSONRPCMessage(message))
    } catch (error) {
      // Skips a line that is not a message.
      transport.onerror?.(error as Error)
    }
  }

  const read = (chunk: Buffer): void => {
    unsolicitedBytes += chunk.byteLength
    // Allows a response of the maximum size, plus as much unsolicited output.
    if (unsolicitedBytes > 2 * maxBytes) {
      fail(new ResponseTooLargeError(2 * maxBytes))
      return
    }
    let start = 0
    for (let at = chunk.indexOf(10); at >= 0 && !closing; at = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...unfinishedLine, chunk.subarray(start, at)])
      unfinishedLine = []
      lineBytes = 0
      start = at + 1
      readLine(line.toString(), line.byteLength + 1)
    }
    unfinishedLine.push(chunk.subarray(start))
    lineBytes += chunk.byteLength - start
    if (lineBytes > maxBytes) fail(new ResponseTooLargeError(maxBytes))
  }

  /** Until the current request has ended. */
  const listenToProgress = (): void => {
    const { progress, signal } = currentRequest() ?? {}
    if (!progress || signal?.aborted) return
    const token = String(progress.token)
    listeners.set(token, progress)
    signal?.addEventListener('abort', () => listeners.delete(token), { once: true })
  }

  const end = async (): Promise<void> => {
    unfinishedLine = []
    // Before the process has ended, so that pending requests fail now.
    transport.onclose?.()
    const group = await starting?.catch(() => undefined)
    await group?.end()
    group?.child.stdout?.destroy()
  }

  const transport: StdioTransport = {
    async start() {
      starting = startGroup(command, args, {
        // Only the variables that are safe to inherit (PATH, HOME …): ours hold secrets.
        env: { ...getDefaultEnvironment(), ...env },
        stdio: ['pipe', 'pipe', stderr],
        ...(cwd !== undefined && { cwd }),
      })
      const group = await starting
      const { child } = group
      input = child.stdin as Writable
      input.on('error', () => {})
      child.stdout?.on('data', read).on('error', fail)
      child.once('close', () => void transport.close())
      child.once('exit', async () => {
        // A process outside the group may hold the output open, so `close` may never come.
        await group.end()
        await delay(DRAIN_MS)
        await transport.close()
      })
    },
    send(message) {
      const pipe = input
      if (!pipe?.writable) return Promise.reject(new SdkError(SdkErrorCode.NotConnected, 'Not connected'))
      if ('method' in message && 'id' in message) {
        pending.add(message.id)
        listenToProgress()
      }
      return new Promise((resolve, reject) => {
        pipe.write(`${JSON.stringify(message)}\n`, (error) => (error ? reject(error) : resolve()))
      })
    },
    close() {
      closing ??= end()
      return closing
    },
    failure: () => failure,
  }
  return transport
}
