import { openAsBlob } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Client, ColloquyError, createClient } from '../client/index.js'
import type { Config } from '../config.js'
import { ConfigError } from '../environment.js'
import { beforeSignalExit } from './before-signal-exit.js'
import { openExportOutput } from './export-output.js'
import { createProgress, type Progress } from './progress.js'
import { StartupError } from './startup-error.js'
import { signLoginToken } from './token.js'
import { openTokenSecret } from './token-secret.js'

export interface UserDataOptions {
  user: string
  /** where the server's API begins; default: where a server with this configuration listens */
  url: string | undefined
  /** of the user; default: signed here, where the secret is known */
  token: string | undefined
}

const TOKEN_SECONDS = 3_600
/** How long a server may take to read and store a file: it takes 64 MiB at most. */
const IMPORT_MS = 600_000
/** How long it may take to erase a user, who may have millions of messages: as long as Node's fetch waits for an answer. */
const ERASE_MS = 300_000

const tokenFor = async (config: Config, { user, token }: UserDataOptions): Promise<string> => {
  if (token) return token
  const { secret } = await openTokenSecret(config)
  if (secret) return signLoginToken(config, secret, user, TOKEN_SECONDS)
  throw new ConfigError(
    'COLLOQUY_TOKEN must be set to a token of the user: with published keys only your app’s login can sign one.',
  )
}

const serverOf = ({ host, port }: Config): string =>
  `http://${['0.0.0.0', '::'].includes(host) ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${port}`

const rootCause = (error: unknown): unknown =>
  error instanceof Error && error.cause !== undefined ? rootCause(error.cause) : error

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

interface WithClientOptions {
  progress?: Progress
  fetch?: typeof globalThis.fetch | undefined
  /** done when the work has failed, and before a signal ends the process */
  giveUp?: () => Promise<void>
}

/** Does a command's work with a client of the user. It is given up when a signal ends the process. */
const withClient = async (
  config: Config,
  options: UserDataOptions,
  work: (client: Client, signal: AbortSignal, progress: Progress) => Promise<void>,
  { progress = createProgress(), fetch, giveUp = async () => {} }: WithClientOptions = {},
): Promise<void> => {
  const stopped = new AbortController()
  const release = beforeSignalExit(async () => {
    stopped.abort()
    progress.stop()
    await giveUp()
  })
  try {
    const { user, url = serverOf(config) } = options
    const token = await tokenFor(config, options)
    await work(createClient({ url, userId: user, token, fetch }), stopped.signal, progress)
  } catch (error) {
    progress.fail()
    await giveUp()
    throw error
  } finally {
    release()
  }
}

/** `colloquy export`: writes all of a user's data as lines of JSON, to a file or to standard output. The file is there when it is whole. */
export const exportUser = async (config: Config, options: UserDataOptions, file?: string): Promise<void> => {
  let opening: ReturnType<typeof openExportOutput> | undefined
  const write = async (client: Client, signal: AbortSignal, progress: Progress): Promise<void> => {
    let [lines, bytes] = [0, 0]
    const toLines = async function* () {
      for await (const line of client.exportUser({}, { signal })) {
        const text = `${JSON.stringify(line)}\n`
        lines += 1
        bytes += Buffer.byteLength(text)
        progress.update(`exporting: ${lines} lines, ${megabytes(bytes)}`)
        yield text
      }
    }
    opening = openExportOutput(file, signal)
    const { stream, end, keep } = await opening
    // A terminal that gets the lines has no place for it.
    if (file !== undefined || !process.stdout.isTTY) progress.begin('exporting')
    await pipeline(Readable.from(toLines()), stream, { end })
    await keep()
    progress.clear()
    console.error(`Exported ${lines} lines, ${megabytes(bytes)}.`)
  }
  const giveUp = async () => (await opening?.catch(() => undefined))?.undo()
  await withClient(config, options, write, { giveUp })
}

/** Sends a file as a stream, and tells how many of its bytes were sent. */
const countingFetch =
  (onSent: (bytes: number) => void): typeof fetch =>
  (url, init) => {
    if (!(init?.body instanceof Blob)) return fetch(url, init)
    let sent = 0
    const body = init.body.stream().pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, to) {
          sent += chunk.byteLength
          onSent(sent)
          to.enqueue(chunk)
        },
      }),
    )
    return fetch(url, { ...init, body, duplex: 'half' } as RequestInit)
  }

const openBlob = async (file: string): Promise<Blob> => {
  try {
    // What cannot be opened is thrown at once.
    return await openAsBlob(file)
  } catch (cause) {
    throw new StartupError(`${file} cannot be read.`, { cause })
  }
}

/** `colloquy import`: sends a file, and prints the report of what was taken, as JSON. */
export const importUser = async (config: Config, options: UserDataOptions, file: string): Promise<void> => {
  const blob = await openBlob(file)
  const progress = createProgress()
  const onSent = (bytes: number): void =>
    progress.update(
      bytes < blob.size
        ? `sending: ${megabytes(bytes)} of ${megabytes(blob.size)}`
        : 'sent; the server stores it',
    )
  const send = async (client: Client, signal: AbortSignal): Promise<void> => {
    progress.begin('sending')
    const report = await client
      .importUser({ file: blob }, { signal, timeoutMs: IMPORT_MS })
      .catch((error: unknown) => {
        if ((rootCause(error) as Error).name !== 'NotReadableError') throw error
        throw new StartupError(`${file} has changed while it was sent.`)
      })
    progress.clear()
    console.log(JSON.stringify(report, undefined, 2))
  }
  // Where nobody sees the progress, the file is sent as it is, with its length.
  const fetch = progress.isLive ? countingFetch(onSent) : undefined
  await withClient(config, options, send, { progress, fetch })
}

/** Errors of a connection that was never made. */
const notConnected = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])

/** Whether a request that has failed so may have been carried out. */
const mayBeDone = (error: unknown): boolean => {
  if (!(error instanceof ColloquyError) || error.code === 'no-token') return false
  if (notConnected.has((rootCause(error) as NodeJS.ErrnoException).code ?? '')) return false
  return error.problem === undefined || error.status >= 500
}

/**
 * `colloquy erase`: erases all that is stored of a user, and prints the receipt, as JSON. It asks once, since the receipt of a second
 * request would say that there was nothing.
 */
export const eraseUser = (config: Config, options: UserDataOptions, confirm: string): Promise<void> => {
  let isUnknown = false
  const erase = async (client: Client, signal: AbortSignal, progress: Progress): Promise<void> => {
    progress.begin(`erasing ${options.user}`)
    isUnknown = true
    const once = { signal, timeoutMs: ERASE_MS, retries: 0 }
    const receipt = await client.eraseUser({ confirm }, once).catch((error: unknown) => {
      isUnknown = mayBeDone(error)
      throw error
    })
    isUnknown = false
    progress.clear()
    console.log(JSON.stringify(receipt, undefined, 2))
  }
  const giveUp = async () => {
    if (!isUnknown) return
    console.error(
      `There was no answer: ${options.user} may have been erased all the same. Ask again; a receipt without rows then says so.`,
    )
  }
  return withClient(config, options, erase, { giveUp })
}
