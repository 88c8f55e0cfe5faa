import fc from 'fast-check'
import type { Draft } from './request.js'

/** A body that is wrong before any schema is looked at. */
interface BrokenBody {
  rule: string
  statuses: number[]
  /** what the contract says of it */
  sentence: string
  draft: fc.Arbitrary<Draft>
}

const textOf = ({ body }: Draft): string => JSON.stringify(body)
const notJson: ((text: string) => string)[] = [
  (text) => text.slice(0, -1),
  (text) => text.replace(/\}$/, ',}'),
  (text) => `${text}]`,
  (text) => `${text}${text}`,
  (text) => `// ${text}\n${text}`,
  (text) => `'${text}'`,
  () => '{message: "text"}',
  () => "{'message': 'text'}",
  () => '{"message": NaN}',
  () => '{"message": undefined}',
  () => '{"message": "\t"}',
  () => '{"message": "\\x41"}',
  () => '{"message": 01}',
  () => 'message=text',
  () => '{',
  () => '\u0000',
]

/** Puts more into one of the JSON text's strings. */
const inString = (text: string, at: number, more: string): string => {
  const strings = [...text.matchAll(/"(?:[^"\\]|\\.)*"/g)]
  const found = strings[at % Math.max(1, strings.length)]
  if (!found) return `{"title":"${more}"}`
  const end = found.index + found[0].length - 1
  return text.slice(0, end) + more + text.slice(end)
}

const badBytes = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]

const withBytes = (text: string, at: number, bytes: number[]): Buffer => {
  const [before = '', after = ''] = inString(text, at, '\u0001').split('\u0001')
  return Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
}

const propertyOf = (body: unknown): string => Object.keys(body as object)[0] ?? 'title'
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

const MAX_BYTES = 262_144

const unreadable = 'not JSON, not UTF-8, or a NUL or lone surrogate in a string'
const otherMediaType = 'the body is not of a media type that the operation takes, in UTF-8'
const tooLarge = 'the body has more than 256 KiB'
const validation = 'not what the contract says; see `errors`'

const mediaTypes = [
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/xml',
  ],
  ...['application/json; charset=utf-16', 'application/jsonp', 'text/json'],
]

/** Every way in which a body can be wrong before its schema is asked. */
export const brokenBodies = (valid: fc.Arbitrary<Draft>): BrokenBody[] => {
  const place = fc.nat(20)
  const raw = (rawBody: (draft: Draft, at: number) => string | Buffer) =>
    fc.tuple(valid, place).map(([draft, at]) => ({ ...draft, rawBody: rawBody(draft, at) }))
  const escapes = (...texts: string[]) =>
    fc
      .tuple(valid, place, fc.constantFrom(...texts))
      .map(([draft, at, text]) => ({ ...draft, rawBody: inString(textOf(draft), at, text) }))
  const bytes = fc.constantFrom(...badBytes)
  return [
    ...notJson.map((spoil) => ({
      rule: 'json',
      statuses: [400],
      sentence: unreadable,
      draft: valid.map((draft) => ({ ...draft, rawBody: spoil(textOf(draft)) })),
    })),
    {
      rule: 'utf-8',
      statuses: [400],
      sentence: unreadable,
      draft: fc
        .tuple(valid, place, bytes)
        .map(([draft, at, wrong]) => ({ ...draft, rawBody: withBytes(textOf(draft), at, wrong) })),
    },
    { rule: 'nul', statuses: [400], sentence: unreadable, draft: escapes('\\u0000', 'a\\u0000b') },
    {
      rule: 'lone-surrogate',
      statuses: [400],
      sentence: unreadable,
      draft: escapes('\\ud800', '\\uDFFF', '\\udc00\\ud800', 'a\\ud83d'),
    },
    {
      rule: 'depth',
      statuses: [400, 422],
      sentence: validation,
      draft: raw(({ body }) => `{${JSON.stringify(propertyOf(body))}:${nested(5_000)}}`),
    },
    {
      rule: 'huge-number',
      statuses: [400, 422],
      sentence: validation,
      draft: raw(({ body }, at) => `{${JSON.stringify(propertyOf(body))}:${at % 2 ? '-' : ''}1e400}`),
    },
    { rule: 'required', statuses: [422], sentence: validation, draft: raw(() => '') },
    {
      rule: 'size',
      statuses: [413],
      sentence: tooLarge,
      draft: raw((draft, at) => textOf(draft).padEnd(MAX_BYTES + 1 + at)),
    },
    ...mediaTypes.map((type) => ({
      rule: 'media-type',
      statuses: [415],
      sentence: otherMediaType,
      draft: valid.map((draft) => ({ ...draft, headers: { ...draft.headers, 'content-type': type } })),
    })),
  ]
}
