import fc from 'fast-check'
import { hasVisibleText } from '../../visible-text.js'
import type { Schema } from './schema.js'

/** Inclusive ranges of code points, each a place where programs have been wrong. */
const ranges: [first: number, last: number, weight: number][] = [
  [0x20, 0x7e, 12],
  [0x01, 0x1f, 1],
  [0x7f, 0x24f, 2],
  // combining marks, right-to-left scripts
  [0x300, 0x36f, 1],
  [0x590, 0x6ff, 1],
  // zero-width characters, line separators, overrides of the direction
  [0x2000, 0x206f, 2],
  [0x3000, 0x30ff, 1],
  [0xd7ff, 0xd7ff, 1],
  // private use, the byte order mark, specials, non-characters
  [0xe000, 0xe00f, 1],
  [0xfe00, 0xfeff, 1],
  [0xfff0, 0xffff, 1],
  // beyond the Basic Multilingual Plane: two units of UTF-16, one code point
  [0x1f300, 0x1f64f, 3],
  [0xe0000, 0xe007f, 1],
  [0x10fff0, 0x10ffff, 1],
]

/** Any code point but NUL and the surrogates, which the contract refuses. */
const character = fc.oneof(
  ...ranges.map(([min, max, weight]) => ({
    weight,
    arbitrary: fc.integer({ min, max }).map((point) => String.fromCodePoint(point)),
  })),
)

const invisible = fc.constantFrom(
  ...[' ', '\t', '\n', '\r', '\u000b', '\u00a0', '\u00ad', '\u034f', '\u115f', '\u180e', '\u200b', '\u200d'],
  ...[
    '\u2028',
    '\u202e',
    '\u2060',
    '\u2800',
    '\u3000',
    '\u3164',
    '\ufe0f',
    '\ufeff',
    '\u{e0001}',
    '\u{e0101}',
  ],
)

/** What every engine takes for white space. */
const whiteSpace = fc.constantFrom(' ', '\t', '\n', '\r', '\u00a0', '\u2028', '\u3000')

/** How long a text is as JSON Schema counts: in code points. */
export const lengthOf = (text: string): number => [...text].length

const mostlyShort = 40
/** No text of a request may be longer; the texts of answers may, and are drawn in tests alone. */
const longestDrawn = 20_000

const charactersOf = (min: number, max: number, unit = character): fc.Arbitrary<string> =>
  fc.string({ unit, minLength: min, maxLength: Math.max(min, Math.min(max, mostlyShort)) })

/** Exactly so long, without so many draws. */
const ofLength = (length: number): fc.Arbitrary<string> =>
  fc.constantFrom('x', 'é', '漢', '😀').map((unit) => unit.repeat(length))

const isFreeText = ({ pattern }: Schema): boolean => pattern === undefined || pattern === '\\S'

const regExpOf = (pattern: string): RegExp => {
  try {
    return new RegExp(pattern, 'u')
  } catch {
    // Schema authors write patterns that JavaScript's Unicode mode refuses.
    return new RegExp(pattern)
  }
}

const freeText = ({ minLength = 0, maxLength = mostlyShort, pattern, format }: Schema) => {
  const needsVisible = pattern !== undefined || format === 'visible-text'
  const short = needsVisible
    ? fc
        .tuple(charactersOf(0, (maxLength - 1) / 2), charactersOf(0, (maxLength - 1) / 2))
        .map(([before, after]) => (hasVisibleText(before + after) ? before + after : `${before}a${after}`))
    : charactersOf(minLength, maxLength)
  const longest = Math.min(maxLength, longestDrawn)
  const bounds = [ofLength(Math.max(minLength, needsVisible ? 1 : 0)), ofLength(longest)]
  return fc
    .oneof({ weight: 6, arbitrary: short }, ...bounds.map((arbitrary) => ({ weight: 1, arbitrary })))
    .filter((text) => lengthOf(text) >= minLength && (pattern === undefined || /\S/u.test(text)))
}

const iso = (options: { min: Date; max: Date }) =>
  fc.date({ ...options, noInvalidDate: true }).map((date) => date.toISOString())
const years = { min: new Date('1000-01-01'), max: new Date('2999-12-31') }

const byFormat: Record<string, fc.Arbitrary<string>> = {
  date: fc.oneof(
    fc.constantFrom('2024-02-29', '1999-12-31'),
    iso(years).map((text) => text.slice(0, 10)),
  ),
  'date-time': iso(years),
  uuid: fc.uuid(),
  // fc.webPath() takes seconds to make.
  'uri-reference': fc.stringMatching(/^(?:\/[a-z0-9._~-]{1,8}){1,4}$/),
}

/** fast-check makes tables of all characters for a pattern, which takes longer than all that is drawn from them. */
const byPattern = new Map<string, fc.Arbitrary<string>>()
const matching = (pattern: string): fc.Arbitrary<string> => {
  const known = byPattern.get(pattern) ?? fc.stringMatching(regExpOf(pattern))
  byPattern.set(pattern, known)
  return known
}

/** A text that the schema allows. */
export const validText = (schema: Schema): fc.Arbitrary<string> => {
  const { format = '', pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema
  const fits = (text: string): boolean => {
    const length = lengthOf(text)
    return length >= minLength && length <= maxLength && (!pattern || regExpOf(pattern).test(text))
  }
  const formatted = byFormat[format]
  if (formatted) return formatted.filter(fits)
  if (isFreeText(schema)) return freeText(schema)
  return matching(pattern ?? '').filter(fits)
}

/** One thing about a valid text is changed, which may break its pattern or format. */
const mutated = (schema: Schema): fc.Arbitrary<string> =>
  fc
    .tuple(
      validText(schema),
      fc.nat(),
      character,
      fc.constantFrom('cut', 'insert', 'replace', 'upper', 'twice'),
    )
    .map(([text, at, unit, how]) => {
      const points = [...text]
      const place = points.length === 0 ? 0 : at % points.length
      if (how === 'upper') return text.toUpperCase()
      if (how === 'twice') return text + text
      points.splice(place, how === 'insert' ? 0 : 1, ...(how === 'cut' ? [] : [unit]))
      return points.join('')
    })

const noDates = ['2026-02-30', '2025-02-29', '2026-13-01', '2026-00-10', '2026-04-31', '2026-01-00']

/** Texts that break a rule of the schema, by the rule's keyword. */
export const brokenTexts = (
  schema: Schema,
  isValid: (text: string) => boolean,
): { rule: string; text: fc.Arbitrary<string> }[] => {
  const { minLength = 0, maxLength, pattern, format = '' } = schema
  const blankOf = (unit: fc.Arbitrary<string>) =>
    charactersOf(Math.max(minLength, 1), maxLength ?? mostlyShort, unit)
  const padded = (text: string, length: number): string =>
    text + ([...text].at(-1) ?? 'x').repeat(Math.max(0, length - lengthOf(text)))
  const rules: { rule: string; text: fc.Arbitrary<string> }[] = []
  const shorter = fc.nat(Math.max(0, minLength - 1)).chain((length) => charactersOf(length, length))
  if (minLength > 0) rules.push({ rule: 'minLength', text: shorter })
  if (maxLength !== undefined) {
    const longer = fc
      .tuple(validText(schema), fc.constantFrom(1, 2, 1_000))
      .map(([text, by]) => padded(text, maxLength + by))
    rules.push({ rule: 'maxLength', text: fc.oneof(ofLength(maxLength + 1), longer) })
  }
  if (pattern !== undefined) {
    const text = isFreeText(schema) ? blankOf(whiteSpace) : mutated(schema)
    rules.push({ rule: 'pattern', text: text.filter((value) => !regExpOf(pattern).test(value)) })
  }
  if (format === 'visible-text') rules.push({ rule: 'format', text: blankOf(invisible) })
  if (format === 'date') rules.push(...noDates.map((date) => ({ rule: 'format', text: fc.constant(date) })))
  if (format === 'date-time' || format === 'uuid')
    rules.push({ rule: 'format', text: mutated(schema).filter((value) => !isValid(value)) })
  return rules
}
