import type { WireRequest } from './client.js'

/** From here on a repeated character is written as its number. */
const longRun = 100

/** Linux takes no argument of more than 128 KiB. */
const maxArgument = 100_000

const inQuotes = (text: string): string => (text === '' ? '' : `'${text.replaceAll("'", "'\\''")}'`)

interface Piece {
  text: string
  times: number
}

/** A character, also one that a URL has percent-encoded; but for those that the quotes, or printf, would take for something else. */
const runs = new RegExp(`((?:%[0-9A-F]{2}){1,4}|[^%\\\\'\\n-])\\1{${longRun},}`, 'gsu')

/** Parts the text at its long runs of one character. */
const pieces = (text: string): Piece[] => {
  const found: Piece[] = []
  let end = 0
  for (const { 0: run, 1: one = '', index } of text.matchAll(runs)) {
    found.push({ text: text.slice(end, index), times: 1 })
    found.push({ text: one, times: run.length / one.length })
    end = index + run.length
  }
  return [...found, { text: text.slice(end), times: 1 }].filter((piece) => piece.text !== '')
}

const repeat = ({ text, times }: Piece): string =>
  `printf '${text.replaceAll('%', '%%')}%.0s' $(seq ${times})`

/** The text as one word of a shell. */
const quote = (text: string): string =>
  pieces(text)
    .map((piece) => (piece.times > 1 ? `"$(${repeat(piece)})"` : inQuotes(piece.text)))
    .join('') || "''"

/** Prints bytes that no argument of a program could have. */
const printBytes = (bytes: Buffer): string => {
  const escaped = [...bytes].map((byte) =>
    byte >= 0x20 && byte < 0x7f && !"%'\\".includes(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  )
  return `printf '${escaped.join('')}'`
}

/** With the secrets as the variables that stand for them. */
const quoteHiding = (text: string, secrets: Record<string, string>): string => {
  const found = Object.keys(secrets).find((secret) => secret !== '' && text.includes(secret))
  if (found === undefined) return quote(text)
  const parts = text.split(found).map((part) => (part === '' ? '' : quoteHiding(part, secrets)))
  return parts.join(`"$${secrets[found]}"`)
}

const toData = (body: string | Buffer): string => {
  const bytes = Buffer.from(body)
  const text = bytes.toString('utf8')
  if (!Buffer.from(text).equals(bytes) || text.includes('\0')) return `--data-binary @<(${printBytes(bytes)})`
  const isFileName = text.startsWith('@')
  if (bytes.length <= maxArgument && !isFileName) return `--data-binary ${quote(text)}`
  const parts = pieces(text).map((piece) =>
    piece.times > 1 ? repeat(piece) : `printf %s ${inQuotes(piece.text)}`,
  )
  return `--data-binary @<(${parts.join('; ')})`
}

/** The request as a line for bash. `secrets` maps what must not be shown to the variable that stands for it. */
export const toCurl = (request: WireRequest, secrets: Record<string, string> = {}): string => {
  const { method, url, headers, body } = request
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    // A header without a value is sent only with a semicolon.
    [value]
      .flat()
      .map((one) => `-H ${one === '' ? quote(`${name};`) : quoteHiding(`${name}: ${one}`, secrets)}`),
  )
  const verb = method === 'GET' ? [] : method === 'HEAD' ? ['-I'] : [`-X ${method}`]
  const data = body === undefined || body.length === 0 ? [] : [toData(body)]
  return ['curl -sS -i --globoff --path-as-is', ...verb, quoteHiding(url, secrets), ...lines, ...data].join(
    ' ',
  )
}
