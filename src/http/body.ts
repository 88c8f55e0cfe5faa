import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../problems.js'

/** The contract's limit for a body, in bytes. */
const maxBodyLength = 262_144

const utf8 = new TextDecoder('utf-8', { fatal: true })
const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0')

/** In valid UTF-8, JSON can encode a NUL or a lone surrogate only with one of these escapes. */
const suspiciousEscape = /\\u(?:0000|d[89a-f])/i

const rejectUnstorable = (key: string, value: unknown): unknown => {
  if (!isStorable(key) || (typeof value === 'string' && !isStorable(value))) {
    throw new Problem('malformed-body', {
      detail: 'A string in the body contains a NUL or a lone surrogate.',
    })
  }
  return value
}

/** Parses JSON (RFC 8259) in strict UTF-8. Rejects text that PostgreSQL cannot store unchanged. */
const parseJson = (bytes: Buffer): unknown => {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new Problem('malformed-body', { detail: 'The body is not valid UTF-8.' })
  }
  try {
    return suspiciousEscape.test(text) ? JSON.parse(text, rejectUnstorable) : JSON.parse(text)
  } catch (error) {
    throw error instanceof Problem ? error : new Problem('malformed-body')
  }
}

/** Whether a charset label means UTF-8; `utf8` is one, too (Encoding Standard, section 4.2). */
const isUtf8 = (label: string): boolean => {
  try {
    return new TextDecoder(label).encoding === 'utf-8'
  } catch {
    return false
  }
}

const rejectEncodings = ({ headers }: FastifyRequest): void => {
  const charset = /;\s*charset\s*=\s*"?([^\s;"]*)/i.exec(headers['content-type'] ?? '')?.[1]
  const encoding = headers['content-encoding']
  if (charset !== undefined && !isUtf8(charset)) throw new Problem('unsupported-media-type')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported-media-type')
  }
}

/** What a handler leaves of its body is thrown away: the connection's next request comes after it. */
async function* bytesOf(body: Readable): AsyncGenerator<Buffer> {
  try {
    yield* body.iterator({ destroyOnReturn: false })
  } finally {
    body.resume()
  }
}

/** The media type of a body that the handler reads as a stream. */
export const streamedType = 'application/x-ndjson'

/** Makes JSON in UTF-8 the only accepted body. An empty body counts as none. */
export const acceptOnlyJson = (app: FastifyInstance): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'buffer', bodyLimit: maxBodyLength },
    async (request: FastifyRequest, bytes: Buffer) => {
      rejectEncodings(request)
      return bytes.length === 0 ? undefined : parseJson(bytes)
    },
  )
  app.addContentTypeParser(streamedType, async (request: FastifyRequest, payload: Readable) => {
    rejectEncodings(request)
    return bytesOf(payload)
  })
}

/** Whether the request announces content (RFC 9112, section 6). */
export const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
