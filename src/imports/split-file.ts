import { UnreadableFile } from './unreadable-file.js'

/** The contract's limits: bytes of the file, and characters of one object in it. */
const maxFile = 67_108_864
const maxObject = 8_388_608

const malformed = (message: string) => new UnreadableFile('malformed', message)
const tooLarge = (message: string) => new UnreadableFile('too-large', message)

async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let size = 0
  try {
    for await (const chunk of bytes) {
      size += chunk.length
      if (size > maxFile) throw tooLarge(`The file has more than ${maxFile} bytes.`)
      yield decoder.decode(chunk, { stream: true })
    }
    yield decoder.decode()
  } catch (error) {
    throw error instanceof TypeError ? malformed('The file is not valid UTF-8.') : error
  }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw malformed('The file has what is no JSON.')
  }
}

const [quote, backslash, open, close, openList, closeList] = ['"', '\\', '{', '}', '[', ']'].map((char) =>
  char.charCodeAt(0),
)
const isBetween = (char: number): boolean => char === 44 || char === 32 || (char >= 9 && char <= 13)

/**
 * The objects of a file, one after the other: of JSON lines, or of one list. Only the object that is read is in memory, and
 * it is bounded. Whether the commas are where they have to be is not looked at.
 */
export async function* splitFile(bytes: AsyncIterable<Buffer>): AsyncGenerator<unknown> {
  /** the object that is read so far, without what the text at hand has of it */
  let parts: string[] = []
  let size = 0
  let depth = 0
  let isInString = false
  let isEscaped = false
  let list: 'none' | 'open' | 'closed' | undefined

  /** The index of what comes after the object, or of the text's end when it goes on. */
  const readObject = (text: string, from: number): number => {
    for (let at = from; at < text.length; at += 1) {
      const char = text.charCodeAt(at)
      if (isInString) {
        if (isEscaped) isEscaped = false
        else if (char === backslash) isEscaped = true
        else if (char === quote) isInString = false
      } else if (char === quote) isInString = true
      else if (char === open || char === openList) depth += 1
      else if (char === close || char === closeList) {
        depth -= 1
        if (depth === 0) return at + 1
      }
    }
    return text.length
  }

  /** The index of the next object, or of the text's end. */
  const findObject = (text: string, from: number): number => {
    for (let at = from; at < text.length; at += 1) {
      const char = text.charCodeAt(at)
      if (isBetween(char)) continue
      if (char === openList && list === undefined) list = 'open'
      else if (char === closeList && list === 'open') list = 'closed'
      else if (char !== open || list === 'closed')
        throw malformed('The file has something else than objects.')
      else {
        list ??= 'none'
        return at
      }
    }
    return text.length
  }

  for await (const text of decode(bytes)) {
    for (let at = 0; at < text.length; ) {
      const start = depth > 0 ? at : findObject(text, at)
      at = start < text.length ? readObject(text, start) : start
      parts.push(text.slice(start, at))
      size += at - start
      if (size > maxObject) throw tooLarge(`A conversation has more than ${maxObject} bytes.`)
      if (depth > 0 || size === 0) continue
      yield parse(parts.join(''))
      parts = []
      size = 0
    }
  }
  if (depth > 0 || list === 'open') throw malformed('The file ends in the middle.')
}
