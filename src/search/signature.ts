/**
 * The index of a segment of entries (messages and titles), as a signature file of bit slices (BitFunnel, Goodwin et al.,
 * SIGIR 2017). Each entry has features, which are its trigrams and what short terms need. A feature is hashed to one of
 * `sliceCount` slices; a slice has a bit for each entry. The slices of a term's features, joined by AND, are the entries
 * that may have it; those are then compared with the text itself. So a collision costs time and never a wrong result.
 */
import { setImmediate } from 'node:timers/promises'
import { fold } from './fold.js'

/** sql/functions/search_messages.sql has these numbers as well. */
export const segmentEntries = 1024
const sliceCount = 4096
const sliceBytes = segmentEntries / 8

/** Letters and digits of scripts that put spaces between words. */
const isSpaced = (letter: string): boolean =>
  /[\p{L}\p{N}\p{M}_]/u.test(letter) &&
  !/[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}]/u.test(letter)

const spaced = new Map<number, boolean>()

const isSpacedPoint = (point: number): boolean => {
  const known = spaced.get(point)
  if (known !== undefined) return known
  const value = isSpaced(String.fromCodePoint(point))
  if (spaced.size < 50_000) spaced.set(point, value)
  return value
}

/** One or two letters of these scripts are searched at the beginnings of words, anything else anywhere. */
export const isShortWord = (letters: readonly string[]): boolean =>
  letters.length < 3 && letters.every(isSpaced)

const hash = (a: number, b: number, c: number): number => {
  let value =
    Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 0x7f4a7c15, 0x85ebca6b) ^ Math.imul(c + 0x165667b1, 0xc2b2ae35)
  value = Math.imul(value ^ (value >>> 15), 0x2c1b3c6d)
  return ((value ^ (value >>> 13)) >>> 0) % sliceCount
}

/** No code points, so that they differ from every letter. */
const wordStart = -1
const single = -2
const pair = -3

const pointsOf = (text: string): number[] => {
  const points: number[] = []
  for (const letter of text) points.push(letter.codePointAt(0) ?? 0)
  return points
}

/** The slices of a term of folded letters: its trigrams, or what stands for a shorter one. */
export const slicesOfTerm = (letters: readonly string[]): number[] => {
  const points = letters.map((letter) => letter.codePointAt(0) ?? 0)
  const [a = 0, b] = points
  if (points.length > 2)
    return points.slice(2).map((point, n) => hash(points[n] ?? 0, points[n + 1] ?? 0, point))
  if (isShortWord(letters)) return [b === undefined ? hash(wordStart, a, single) : hash(wordStart, a, b)]
  return [b === undefined ? hash(a, single, single) : hash(a, b, pair)]
}

const eachFeature = (text: string, use: (slice: number) => void): void => {
  const points = pointsOf(fold(text))
  let before = false
  for (const [n, a] of points.entries()) {
    const isWord = isSpacedPoint(a)
    const b = points[n + 1]
    const c = points[n + 2]
    if (b !== undefined && c !== undefined) use(hash(a, b, c))
    if (isWord && !before) {
      use(hash(wordStart, a, single))
      if (b !== undefined) use(hash(wordStart, a, b))
    }
    if (!isWord) use(hash(a, single, single))
    if (b !== undefined && !(isWord && isSpacedPoint(b))) use(hash(a, b, pair))
    before = isWord
  }
}

/** How many letters are done at once, in some milliseconds. */
const lettersAtOnce = 50_000

/** The slices one after another, of at most `segmentEntries` texts. Lets other work of the process go on in between. */
export const signatureOf = async (texts: readonly string[]): Promise<Buffer> => {
  const slices = Buffer.alloc(sliceCount * sliceBytes)
  let letters = 0
  for (const [n, text] of texts.entries()) {
    letters += text.length
    if (letters > lettersAtOnce) {
      letters = text.length
      await setImmediate()
    }
    const byte = n >> 3
    const bit = 0x80 >> (n & 7)
    eachFeature(text, (slice) => {
      const at = slice * sliceBytes + byte
      slices[at] = (slices[at] ?? 0) | bit
    })
  }
  return slices
}
