import type { Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type JSONRPCMessage,
  ReadBuffer,
  SdkError,
  SdkErrorCode,
  type Transport,
} from '@modelcontextprotocol/client'
import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio'
import { TooLarge } from './errors.js'
import { type ProcessGroup, startGroup } from './process-group.js'
import type { StdioServer } from './server-config.js'

/** How long the last output of a process that has ended may take to be read. */
const LAST_OUTPUT_MS = 500

export interface StdioTransport extends Transport {
  /** Ends the process and what it has started; resolves when they are gone. */
  close(): Promise<void>
  /** why it was closed, when it was not asked to be */
  failure(): Error | undefined
}

export interface StdioOptions {
  /** how long an answer may be, and how much the server may say beside its answers */
  maxBytes: number
  /** what becomes of its standard error */
  stderr: 'ignore' | 'inherit'
}

/**
 * Speaks to a process over its standard input and output. That of the SDK ends only the process that it started, and reads
 * messages without end that nobody has asked for.
 */
export const stdioTransport = (
  { command, args, env, cwd }: StdioServer,
  { maxBytes, stderr }: StdioOptions,
): StdioTransport => {
  const buffer = new ReadBuffer({ maxBufferSize: maxBytes })
  const asked = new Set<unknown>()
  let starting: Promise<ProcessGroup> | undefined
  let input: Writable | undefined
  let closing: Promise<void> | undefined
  let failure: Error | undefined
  let bytesUnasked = 0

  const fail = (error: Error): void => {
    failure ??= error
    transport.onerror?.(error)
    void transport.close()
  }

  const deliver = (message: JSONRPCMessage): void => {
    if (!('method' in message) && asked.delete(message.id)) bytesUnasked = 0
    transport.onmessage?.(message)
  }

  const deliverAll = (): void => {
    while (!closing) {
      try {
        const message = buffer.readMessage()
        if (!message) return
        deliver(message)
      } catch (error) {
        // A line that is no message; the next one may be.
        transport.onerror?.(error as Error)
      }
    }
  }

  const read = (chunk: Buffer): void => {
    bytesUnasked += chunk.byteLength
    try {
      // An answer as long as it may be, and as much beside it.
      if (bytesUnasked > 2 * maxBytes) throw new TooLarge(2 * maxBytes)
      buffer.append(chunk)
    } catch (error) {
      fail(error instanceof TooLarge ? error : new TooLarge(maxBytes))
      return
    }
    deliverAll()
  }

  const end = async (): Promise<void> => {
    buffer.clear()
    // Who waits for an answer need not wait for the process to end.
    transport.onclose?.()
    const group = await starting?.catch(() => undefined)
    await group?.end()
    group?.child.stdout?.destroy()
  }

  const transport: StdioTransport = {
    async start() {
      starting = startGroup(command, args, {
        // What is safe to inherit (PATH, HOME …), and nothing else of ours.
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
        // Something outside of its group may still hold its output.
        await group.end()
        await delay(LAST_OUTPUT_MS)
        await transport.close()
      })
    },
    send(message) {
      const pipe = input
      if (!pipe?.writable) return Promise.reject(new SdkError(SdkErrorCode.NotConnected, 'Not connected'))
      if ('method' in message && 'id' in message) asked.add(message.id)
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
