import { Readable } from 'node:stream'
import type { DoneFuncWithErrOrRes, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

/** How many bytes are handed to the system at a time, so that one sees whether the client takes them. */
const pieceBytes = 16_384

/** The bytes of a text, in pieces. */
export function* pieces(text: string | Buffer): Generator<Buffer> {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
}

/** Sends what is long in pieces. A hook of each route, since those run last and the others see whole payloads. */
export const sendInPieces = (app: FastifyInstance): void => {
  app.addHook('onRoute', (route) => {
    route.onSend = [
      ...[route.onSend ?? []].flat(),
      (_request: FastifyRequest, reply: FastifyReply, payload: unknown, done: DoneFuncWithErrOrRes) => {
        if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return done(null, payload)
        if (payload.length <= pieceBytes) return done(null, payload)
        reply.header('content-length', Buffer.byteLength(payload))
        done(null, Readable.from(pieces(payload), { objectMode: false }))
      },
    ]
  })
}
