import { Readable } from 'node:stream'
import type { DoneFuncWithErrOrRes, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** How many bytes are handed to the system at a time, so that one sees whether the client takes them. */
const chunkBytes = 16_384

/** The bytes of a text, in toChunks. */
export function* toChunks(text: string | Buffer): Generator<Buffer> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** Sends what is long in toChunks. A hook of each route, since those run last and the others see whole payloads. */
export const sendInChunks = (app: FastifyInstance): void => {
  app.addHook('onRoute', (route) => {
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: DoneFuncWithErrOrRes) => {
        if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return done(null, payload)
        if (payload.length <= chunkBytes) return done(null, payload)
        reply.header('content-length', Buffer.byteLength(payload))
        done(null, Readable.from(toChunks(payload), { objectMode: false }))
      },
    ]
  })
}
