/**
 * What search takes for the same letter: case, accents, width and compatibility forms do not matter. It is the same for
 * every database, whatever its locale. PostgreSQL compares with patterns made of these letters (pattern.ts), so both agree.
 */

/** Accents, variation selectors, and the vowel points of Hebrew and Arabic, which people leave out when they search. */
const isMark = (point: number): boolean =>
  (point >= 0x300 && point <= 0x36f) ||
  (point >= 0xfe00 && point <= 0xfe0f) ||
  (point >= 0x591 && point <= 0x5c7) ||
  (point >= 0x64b && point <= 0x655) ||
  point === 0x670

export const marks = '\u0300-\u036f\ufe00-\ufe0f\u0591-\u05c7\u064b-\u0655\u0670'

/** Letters that differ in more than an accent. */
const special: Record<string, string> = { ς: 'σ', ı: 'i', ø: 'o', ł: 'l', đ: 'd' }

/** Single letters that are written as two as well. */
export const digraphs: Record<string, string> = { ss: 'ßẞ', ae: 'æÆ', oe: 'œŒ' }
const written: Record<string, string> = Object.fromEntries(
  Object.entries(digraphs).flatMap(([two, ones]) => [...ones].map((one) => [one, two])),
)

const foldOne = (letter: string): string => {
  const bare = [...letter.normalize('NFKD')].filter((part) => !isMark(part.codePointAt(0) ?? 0))
  // A letter that stands for several stays what it is, such as a syllable of Hangul.
  const base = bare.length === 1 && bare[0] !== undefined ? bare[0] : letter
  const lower = base.toLowerCase()
  return special[lower] ?? ([...lower].length === 1 ? lower : base)
}

const folded = new Map<string, string>()

const foldLetter = (letter: string): string => {
  const known = folded.get(letter)
  if (known !== undefined) return known
  const point = letter.codePointAt(0) ?? 0
  const value = isMark(point) ? '' : (written[letter] ?? foldOne(letter))
  // What has no other forms is not worth remembering.
  if (value !== letter || point < 0x3000) folded.set(letter, value)
  return value
}

/** The text as letters that compare; white space becomes single spaces. */
export const fold = (text: string): string => {
  if (/^[\x20-\x7e]*$/.test(text)) return text.toLowerCase().replace(/ {2,}/g, ' ')
  let result = ''
  for (const letter of text) result += foldLetter(letter)
  return result.replace(/\s+/g, ' ')
}

/** Where letters have other forms: all alphabets with case, compatibility forms. */
const ranges: [first: number, last: number][] = [
  [0x21, 0x24ff],
  [0x2c00, 0x2dff],
  [0x3130, 0x33ff],
  [0xa640, 0xa7ff],
  [0xf900, 0xfdff],
  [0xfe10, 0xffef],
  [0x10400, 0x104ff],
]

let formsOfAll: Map<string, string> | undefined

/** All letters that fold to this one. */
export const formsOf = (letter: string): string => {
  if (!formsOfAll) {
    formsOfAll = new Map()
    for (const [first, last] of ranges) {
      for (let point = first; point <= last; point += 1) {
        const form = String.fromCodePoint(point)
        const base = foldLetter(form)
        if (base !== '' && base !== form) formsOfAll.set(base, (formsOfAll.get(base) ?? base) + form)
      }
    }
  }
  return formsOfAll.get(letter) ?? letter
}
