import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { Frame } from '../turns/follow.js'

/** How long a client may take nothing of what waits for it. */
const stalledMs = 30_000

/** A response of server-sent events: batches of frames, opened with the signal that the client has gone. */
export class EventStream {
  readonly open: (signal: AbortSignal) => AsyncIterable<readonly Frame[]>

  constructor(open: EventStream['open']) {
    this.open = open
  }
}

const encodeFrame = ({ id, event }: Frame): string =>
  `id: ${id}\ndata: ${event ? JSON.stringify(event) : '[DONE]'}\n\n`

/** The HTML standard, section 9.2; a comment is a sign of life. */
async function* encode(batches: AsyncIterable<readonly Frame[]>): AsyncGenerator<string> {
  for await (const frames of batches) yield frames.length > 0 ? frames.map(encodeFrame).join('') : ':\n\n'
}

/** Sends frames as they come, as fast as the client takes them. */
export const sendEventStream = ({ open }: EventStream, reply: FastifyReply): FastifyReply => {
  const gone = new AbortController()
  const body = Readable.from(encode(open(gone.signal)), { objectMode: false })
  body.once('close', () => gone.abort())
  reply.raw.setTimeout(stalledMs, () => reply.raw.destroy())
  return reply
    .type('text/event-stream')
    .headers({ 'x-accel-buffering': 'no', 'x-vercel-ai-ui-message-stream': 'v1' })
    .send(body)
}
