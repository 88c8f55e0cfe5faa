import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { rawExchange } from '../helpers/raw.js'
import { within } from '../helpers/wait.js'

export interface SentRequest {
  method: string
  path: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer | undefined
}

export interface WireAnswer {
  status: number | undefined
  message: string | undefined
  /** in the order and the spelling in which they came, without `date` */
  headers: string[]
  body: string
}

const withoutDate = ({ rawHeaders }: IncomingMessage): string[] => {
  const pairs: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() !== 'date') pairs.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  }
  return pairs
}

/** Sends a request on a connection of its own, and gives all of the answer. */
export const send = (url: string, { method, path, headers, body }: SentRequest): Promise<WireAnswer> =>
  within(
    `the answer to ${method} ${path}`,
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(url)
      const sent = request({ hostname, port, method, path, headers, agent: false }, async (answer) => {
        resolve({
          status: answer.statusCode,
          message: answer.statusMessage,
          headers: withoutDate(answer),
          body: await text(answer).catch((error) => `(cut off: ${error.code})`),
        })
      })
      sent.on('error', reject).end(body)
    }),
  )

/** Sends bytes as they are, and gives all that comes back until the connection ends, without the date. */
export const sendBytes = async (url: string, bytes: string): Promise<string> => {
  const answer = await within('the answer to bytes', rawExchange(url, bytes))
  return answer.replace(/^date: .*\r\n/gim, '')
}
