import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { toChunks } from './chunked-body.js'

/** The approximate number of characters encoded at a time, so that little is buffered for a slow client. */
const chunkLength = 65_536

/** One frame of a stream. Without an event it is the final `[DONE]`. */
interface Frame {
  id: string
  event: object | undefined
}

/** Batches of frames for one reader, made while they are taken; its signal aborts when the client disconnects. */
type FrameGenerator = (signal: AbortSignal) => AsyncIterable<readonly Frame[]>

/** Batches that come by themselves: a stream that waits for them for hours takes little memory. */
export interface FrameSource {
  /** Calls `wake` when there may be something to take. */
  attach(wake: () => void): void
  /** The next batch; an empty one is a heartbeat. `none`: there is none yet; `end`: there will be none. */
  take(): readonly Frame[] | 'none' | 'end'
  /** The client has disconnected, or has all of it. */
  leave(): void
}

/** A response of server-sent events. */
export class SseStream {
  readonly frames: FrameGenerator | FrameSource
  /** whether it is one of the AI SDK's UI message streams */
  readonly isMessage: boolean

  constructor(frames: SseStream['frames'], { isMessage = true } = {}) {
    this.frames = frames
    this.isMessage = isMessage
  }
}

const encodeFrame = ({ id, event }: Frame): string =>
  `id: ${id}\ndata: ${event ? JSON.stringify(event) : '[DONE]'}\n\n`

/** Encodes frames (HTML standard, section 9.2). An empty batch becomes a comment, as a heartbeat. */
function* encode(frames: readonly Frame[]): Generator<Buffer> {
  let chunk = frames.length > 0 ? '' : ':\n\n'
  for (const frame of frames) {
    chunk += encodeFrame(frame)
    if (chunk.length < chunkLength) continue
    yield* toChunks(chunk)
    chunk = ''
  }
  if (chunk) yield* toChunks(chunk)
}

async function* encodeAll(batches: AsyncIterable<readonly Frame[]>): AsyncGenerator<Buffer> {
  for await (const frames of batches) yield* encode(frames)
}

const generatedBody = (generate: FrameGenerator, { raw }: FastifyReply): Readable => {
  const disconnected = new AbortController()
  const body = Readable.from(encodeAll(generate(disconnected.signal)), { objectMode: false })
  // Not the body's own 'close', which waits for the next batch.
  raw.once('close', () => disconnected.abort())
  if (raw.destroyed) disconnected.abort()
  return body
}

const sourceBody = (source: FrameSource): Readable => {
  /** whether the reader waits for a batch */
  let isWaiting = false
  const fill = (): void => {
    const frames = source.take()
    isWaiting = frames === 'none'
    if (frames === 'end') body.push(null)
    else if (frames !== 'none') for (const chunk of encode(frames)) body.push(chunk)
  }
  const body = new Readable({
    read: fill,
    destroy(error, done) {
      source.leave()
      done(error)
    },
  })
  source.attach(() => {
    if (isWaiting) fill()
  })
  return body
}

/** Streams frames with backpressure. */
export const sendSse = ({ frames, isMessage }: SseStream, reply: FastifyReply): FastifyReply => {
  const body = typeof frames === 'function' ? generatedBody(frames, reply) : sourceBody(frames)
  return reply
    .type('text/event-stream')
    .headers({ 'x-accel-buffering': 'no', ...(isMessage && { 'x-vercel-ai-ui-message-stream': 'v1' }) })
    .send(body)
}
