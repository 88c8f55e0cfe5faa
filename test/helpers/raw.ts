import { once } from 'node:events'
import { connect } from 'node:net'
import type { Test } from 'tap'
import { contractFaults } from './contract.js'

export interface RawAnswer {
  status: number
  headers: Record<string, string>
  body: string
}

/** A chunked body (RFC 9112, section 7.1) without trailers. */
const joinChunks = (text: string): string => {
  let rest = Buffer.from(text)
  let body = ''
  for (;;) {
    const start = rest.indexOf('\r\n') + 2
    const size = Number.parseInt(rest.toString('latin1', 0, start), 16)
    if (!(size > 0)) return body
    body += rest.toString('utf8', start, start + size)
    rest = rest.subarray(start + size + 2)
  }
}

/** The final answer: an interim one (1xx, RFC 9110, section 15.2) goes before it. */
const parse = (text: string): RawAnswer => {
  const [head = '', ...rest] = text.replace(/^(?:HTTP\/1\.1 1\d\d [^\r]*\r\n\r\n)+/, '').split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2).map((s) => s.trim())))
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])
  const body = rest.join('\r\n\r\n')
  return {
    status: Number(statusLine.split(' ')[1]),
    headers: Object.fromEntries(lower),
    body: /\nTransfer-Encoding: *chunked/i.test(head) ? joinChunks(body) : body,
  }
}

/**
 * Sends bytes as they are to a server, and the parts after the first when their time has come; gives what it
 * answered by the time it closed the connection. For requests that no HTTP client would send.
 */
export const rawExchange = async (url: string, ...parts: (string | Buffer)[]): Promise<string> => {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  await once(socket, 'connect')
  for (const part of parts) socket.write(part)
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('utf8')
}

/** One raw request whose answer is checked against the contract. The request has to ask for `connection: close`. */
export const rawCall = async (t: Test, url: string, request: string | Buffer): Promise<RawAnswer> => {
  const answer = parse(await rawExchange(url, request))
  const [method = '', target = ''] = request.toString('latin1').split(' ', 2)
  const path = target.split('?')[0] ?? ''
  const faults = contractFaults({ method, path, ...answer })
  if (faults.length > 0) t.fail(`${method} ${path.slice(0, 100)}: ${faults.join('; ')}`)
  return answer
}
