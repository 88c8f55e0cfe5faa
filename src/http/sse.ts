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

/** A response of server-sent events. `open` returns the batches of frames; its signal aborts when the client disconnects. */
export class SseStream {
  readonly open: (signal: AbortSignal) => AsyncIterable<readonly Frame[]>
  /** whether it is one of the AI SDK's UI message streams */
  readonly isMessage: boolean

  constructor(open: SseStream['open'], { isMessage = true } = {}) {
    this.open = open
    this.isMessage = isMessage
  }
}

const encodeFrame = ({ id, event }: Frame): string =>
  `id: ${id}\ndata: ${event ? JSON.stringify(event) : '[DONE]'}\n\n`

/** Encodes frames (HTML standard, section 9.2). An empty batch becomes a comment, as a heartbeat. */
async function* encode(batches: AsyncIterable<readonly Frame[]>): AsyncGenerator<Buffer> {
  for await (const frames of batches) {
    let chunk = frames.length > 0 ? '' : ':\n\n'
    for (const frame of frames) {
      chunk += encodeFrame(frame)
      if (chunk.length < chunkLength) continue
      yield* toChunks(chunk)
      chunk = ''
    }
    if (chunk) yield* toChunks(chunk)
  }
}

/** Streams frames with backpressure. */
export const sendSse = ({ open, isMessage }: SseStream, reply: FastifyReply): FastifyReply => {
  const disconnected = new AbortController()
  const body = Readable.from(encode(open(disconnected.signal)), { objectMode: false })
  // Not the body's own 'close', which waits for the next batch.
  reply.raw.once('close', () => disconnected.abort())
  if (reply.raw.destroyed) disconnected.abort()
  return reply
    .type('text/event-stream')
    .headers({ 'x-accel-buffering': 'no', ...(isMessage && { 'x-vercel-ai-ui-message-stream': 'v1' }) })
    .send(body)
}
