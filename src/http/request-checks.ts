import type { onRequestHookHandler } from 'fastify'
import { Problem } from '../problems.js'

/** The contract's limit for a URL, in bytes. */
export const maxUrlLength = 8_192

/** Singleton headers: a second one would make the request ambiguous (RFC 9110, section 5.5). */
const singletonHeaders = new Set(['authorization', 'idempotency-key', 'host', 'content-type'])

const isDecodableUrl = (url: string): boolean => {
  try {
    const text = decodeURIComponent(url)
    return !text.includes('\0')
  } catch {
    return false
  }
}

const findRepeatedHeader = (rawHeaders: string[]): string | undefined => {
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]?.toLowerCase() ?? ''
    if (!singletonHeaders.has(name)) continue
    if (seen.has(name)) return name
    seen.add(name)
  }
  return undefined
}

/**
 * Rejects malformed requests before all other checks: an overlong or undecodable URL (RFC 3986), a repeated singleton
 * header, an HTTP/1.1 request without a Host (RFC 9112).
 */
export const checkRequest: onRequestHookHandler = ({ raw }, _reply, done) => {
  const url = raw.url ?? ''
  if (Buffer.byteLength(url) > maxUrlLength) throw new Problem('uri-too-long')
  if (!isDecodableUrl(url)) {
    throw new Problem('malformed-request', {
      detail: 'The URL has an invalid percent-encoding, is not UTF-8 or contains a NUL.',
    })
  }
  const name = findRepeatedHeader(raw.rawHeaders)
  if (name)
    throw new Problem('malformed-request', { detail: `The request has more than one ${name} header.` })
  if (raw.httpVersion === '1.1' && raw.headers.host === undefined) {
    throw new Problem('malformed-request', { detail: 'The request has no host header.' })
  }
  done()
}
