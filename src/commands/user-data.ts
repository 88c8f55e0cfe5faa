import { createWriteStream, openAsBlob } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Client, createClient } from '../client/index.js'
import type { Config } from '../config.js'
import { ConfigError } from '../environment.js'
import { beforeSignalExit } from './before-signal-exit.js'
import { createProgress, type Progress } from './progress.js'
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

const megabytes = (bytes: number): string => `${(bytes / 1_000_000).toFixed(1)} MB`

/** A command's work with a client of the user. It is given up when a signal ends the process; `undo` is done before. */
const asUser = async <T>(
  config: Config,
  options: UserDataOptions,
  work: (client: Client, signal: AbortSignal, progress: Progress) => Promise<T>,
  { fetch, undo = async () => {} }: { fetch?: typeof globalThis.fetch; undo?: () => Promise<void> } = {},
): Promise<T> => {
  const stopped = new AbortController()
  const progress = createProgress()
  const release = beforeSignalExit(async () => {
    stopped.abort()
    progress.clear()
    await undo()
  })
  try {
    const { user, url = serverOf(config) } = options
    const token = await tokenFor(config, options)
    return await work(createClient({ url, userId: user, token, fetch }), stopped.signal, progress)
  } finally {
    progress.fail()
    release()
  }
}

/** `colloquy export`: writes all of a user's data as lines of JSON, to a file or to standard output. The file is there when it is whole. */
export const exportUser = async (config: Config, options: UserDataOptions, file?: string): Promise<void> => {
  const unfinished = `${file}.unfinished`
  const undo = async () => {
    if (file !== undefined) await rm(unfinished, { force: true })
  }
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
    // A terminal that gets the lines has no place for it.
    if (file !== undefined || !process.stdout.isTTY) progress.begin('exporting')
    const output = file === undefined ? process.stdout : createWriteStream(unfinished, { mode: 0o600 })
    await pipeline(Readable.from(toLines()), output, { end: file !== undefined })
    if (file !== undefined) await rename(unfinished, file)
    progress.clear()
    console.error(`Exported ${lines} lines, ${megabytes(bytes)}.`)
  }
  try {
    await asUser(config, options, write, { undo })
  } catch (error) {
    await undo()
    throw error
  }
}

/** `colloquy import`: sends a file, and prints the report of what was taken, as JSON. */
export const importUser = async (config: Config, options: UserDataOptions, file: string): Promise<void> => {
  const blob = await openAsBlob(file)
  let onSent = (_bytes: number): void => {}
  /** Sends the file as a stream, to see how far it is. */
  const counting: typeof fetch = (url, init) => {
    if (!(init?.body instanceof Blob)) return fetch(url, init)
    let sent = 0
    const counter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        sent += chunk.length
        onSent(sent)
        done(null, chunk)
      },
    })
    const body = Readable.toWeb(Readable.fromWeb(init.body.stream() as never).pipe(counter)) as ReadableStream
    return fetch(url, { ...init, body, duplex: 'half' } as RequestInit)
  }
  const send = async (client: Client, signal: AbortSignal, progress: Progress): Promise<void> => {
    onSent = (bytes) =>
      progress.update(
        bytes < blob.size
          ? `sending: ${megabytes(bytes)} of ${megabytes(blob.size)}`
          : 'sent; the server stores it',
      )
    progress.begin('sending')
    const report = await client.importUser({ file: blob }, { signal, timeoutMs: IMPORT_MS })
    progress.clear()
    console.log(JSON.stringify(report, undefined, 2))
  }
  await asUser(config, options, send, { fetch: counting })
}

/** `colloquy erase`: erases all that is stored of a user, and prints the receipt, as JSON. */
export const eraseUser = (config: Config, options: UserDataOptions, confirm: string): Promise<void> =>
  asUser(config, options, async (client, signal, progress) => {
    progress.begin(`erasing ${options.user}`)
    const receipt = await client.eraseUser({ confirm }, { signal })
    progress.clear()
    console.log(JSON.stringify(receipt, undefined, 2))
  })
