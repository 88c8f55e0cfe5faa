import { Readable } from 'node:stream'
import type { DoneFuncWithErrOrRes, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** The bytes per write, small enough that the socket's progress shows whether the client reads. */
const chunkBytes = 16_384

/** Splits a body into chunks. */
export function* toChunks(text: string | Buffer): Generator<Buffer> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes)
}

/** Sends long bodies in chunks. The hook is added to each route, because route hooks run last: the others see whole payloads. */
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
