import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import { toChunks } from './chunked-body.js'

/**
 * A response that is made while it is sent, in one of the operation's media types. What fails in the middle cuts the connection,
 * so that nobody takes a part for the whole.
 */
export class TextStream {
  readonly mediaType: string
  readonly texts: AsyncIterable<string>

  constructor(mediaType: string, texts: AsyncIterable<string>) {
    this.mediaType = mediaType
    this.texts = texts
  }
}

async function* encode(texts: AsyncIterable<string>): AsyncGenerator<Buffer> {
  for await (const text of texts) yield* toChunks(text)
}

/** Sends the texts with backpressure: the next one is made when the client has read most of the last one. */
export const sendText = (
  { mediaType, texts }: TextStream,
  reply: FastifyReply,
  closing: AbortSignal,
): FastifyReply => {
  const body = Readable.from(encode(texts), { objectMode: false })
  // The server would wait for a slow reader, who can go on at another instance.
  const cut = () => body.destroy()
  closing.addEventListener('abort', cut, { once: true })
  body.once('close', () => closing.removeEventListener('abort', cut))
  if (closing.aborted) cut()
  return reply.type(mediaType).send(body)
}
