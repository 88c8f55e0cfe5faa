import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Frame } from '../turns/stream/frames.js'
import { toChunks } from './chunked-body.js'

/** About how many characters are encoded at a time, so that little waits for a client that is slow to take it. */
const chunkLength = 65_536

/** A response of server-sent events: batches of frames, opened with the signal that the client has gone. */
export class SseStream {
  readonly open: (signal: AbortSignal) => AsyncIterable<readonly Frame[]>

  constructor(open: SseStream['open']) {
    this.open = open
  }
}

const encodeFrame = ({ id, event }: Frame): string =>
  `id: ${id}\ndata: ${event ? JSON.stringify(event) : '[DONE]'}\n\n`

/** The HTML standard, section 9.2; a comment is a sign of life. */
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

/** Sends frames as they come, as fast as the client takes them. */
export const sendSse = ({ open }: SseStream, reply: FastifyReply): FastifyReply => {
  const gone = new AbortController()
  const body = Readable.from(encode(open(gone.signal)), { objectMode: false })
  // Not the body's own end, which waits for what the body waits for.
  reply.raw.once('close', () => gone.abort())
  if (reply.raw.destroyed) gone.abort()
  return reply
    .type('text/event-stream')
    .headers({ 'x-accel-buffering': 'no', 'x-vercel-ai-ui-message-stream': 'v1' })
    .send(body)
}
