import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A text that changes with the program only. */
export interface Document {
  type: string
  text: string
  etag: string
}

export const documentOf = (type: string, text: string): Document => ({
  type: `${type}; charset=utf-8`,
  text,
  etag: `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`,
})

/** Whether the client has it already (RFC 9110, section 13.1.2). */
const isKnown = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((known) => ['*', etag].includes(known.trim().replace(/^W\//, ''))) ?? false

/** Answers with a document, which may be kept as long as each use asks whether it has changed. */
export const sendDocument = (
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { type, text, etag }: Document,
): FastifyReply => {
  reply.headers({ etag, 'cache-control': 'no-cache' })
  if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type(type).send(text)
}
