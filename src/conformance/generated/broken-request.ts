import fc from 'fast-check'
import type { Operation, Parameter } from '../contract.js'
import { beyondSchema } from './beyond-schema.js'
import { type Broken, brokenValues } from './broken.js'
import { brokenBodies } from './broken-body.js'
import { type BrokenRequest, type Draft, inHeader, inPath, inQuery, toPairs, toQuery } from './request.js'
import { type Schema, type Schemas, typesOf } from './schema.js'
import { type Hints, validValue } from './valid.js'

const invalid = [422]

const notIntegers = [
  ...[
    '',
    ' ',
    'abc',
    '1.5',
    '0x10',
    '1e1',
    '+5',
    '1e400',
    'NaN',
    'Infinity',
    '5 ',
    '٣',
    '5,6',
    'null',
    '--1',
  ],
  '9'.repeat(400),
]
const notBooleans = ['', 'TRUE', 'yes', '1', 'on', 'null', 'truefalse', ' true']

/** A URL may have 8,192 bytes. */
const isShort = (pairs: [string, string][]): boolean => toQuery(pairs).length < 7_000

/** What a query's text can say that its schema forbids. */
const brokenPairs = (
  schemas: Schemas,
  parameter: Parameter,
): { rule: string; at: string; pairs: fc.Arbitrary<[string, string][]> }[] => {
  const { name } = parameter
  const schema = schemas.resolve(parameter.schema)
  const [type = 'string'] = typesOf(schema)
  const texts = { integer: notIntegers, number: notIntegers, boolean: notBooleans }[type] ?? []
  const typed = (type === 'object' ? ['', 'x'] : texts).map((text) => ({
    rule: 'type',
    at: '',
    pairs: fc.constant<[string, string][]>([[name, text]]),
  }))
  // A query has no types: whatever breaks only the type of a text is another text.
  const others = brokenValues(schemas, schema).filter(({ rule }) => rule !== 'type')
  return [
    ...typed,
    ...others.map(({ rule, at, value }) => ({
      rule,
      at,
      pairs: value
        .filter(isWritable)
        .map((wrong) => toPairs(parameter, wrong))
        .filter(isShort),
    })),
  ]
}

/** A comma parts the values of a list, and brackets the key of a pair. */
const isWritable = (value: unknown): boolean => {
  if (Array.isArray(value)) return value.length > 0 && !value.some((item) => String(item).includes(','))
  if (typeof value === 'object' && value !== null) return !Object.keys(value).some((key) => /[[\]]/.test(key))
  return true
}

const withQuery = (draft: Draft, { name }: Parameter, pairs: [string, string][]): Draft => ({
  ...draft,
  query: [...draft.query.filter(([other]) => other !== name && !other.startsWith(`${name}[`)), ...pairs],
})

const brokenQueries = (
  schemas: Schemas,
  parameters: Parameter[],
  valid: fc.Arbitrary<Draft>,
): BrokenRequest[] => {
  const names = new Set(parameters.map(({ name }) => name))
  const unknown = fc
    .oneof(
      fc.constantFrom('page', 'offset', '__proto__', 'constructor', 'user_id', 'Limit'),
      fc.string({ minLength: 1 }),
    )
    .filter((name) => !names.has(name) && !/[[\]]/.test(name))
  const badEncodings = ['%', '%zz', '%ff', '%00', '%c0%80', '%ed%a0%80', 'a%0', '%E0%A4%A']
  return [
    ...parameters.flatMap((parameter) =>
      brokenPairs(schemas, parameter).map(({ rule, at, pairs }) => ({
        at: `/query/${parameter.name}${at}`,
        rule,
        statuses: invalid,
        draft: fc
          .tuple(valid, pairs)
          .map(([draft, wrong]) => withQuery(draft, parameter, wrong))
          .filter(({ query }) => isShort(query)),
      })),
    ),
    ...parameters.filter(isSimple).map((parameter) => ({
      at: `/query/${parameter.name}`,
      rule: 'twice',
      sentence: 'not what the contract says; see `errors`',
      statuses: invalid,
      draft: fc.tuple(valid, validValue(schemas, parameter.schema)).map(([draft, value]) => {
        const pair = toPairs(parameter, value)
        return withQuery(draft, parameter, [...pair, ...pair])
      }),
    })),
    {
      at: '/query',
      rule: 'unknown',
      sentence: '`unknown`, there is no such field or parameter',
      statuses: invalid,
      draft: fc.tuple(valid, unknown, fc.constantFrom('', '1', 'x')).map(([draft, name, value]) => ({
        ...draft,
        query: [...draft.query, [name, value] as [string, string]],
      })),
    },
    ...badEncodings.map((wrong) => ({
      at: '/query',
      rule: 'encoding',
      sentence: 'The URL or a header cannot be read: a bad percent-encoding, a NUL, or a header sent twice.',
      statuses: [400],
      draft: valid.map((draft) => ({
        ...draft,
        rawQuery: [toQuery(draft.query), `x=${wrong}`].filter(Boolean).join('&'),
      })),
    })),
  ]
}

const isSimple = ({ style, name }: Parameter): boolean => style === undefined && name !== 'cursor'

/** HTTP takes white space from both ends of a header, and Node's client sends no other characters. */
const isHeaderText = (value: unknown): value is string =>
  typeof value === 'string' && value.trim() === value && /^[\x20-\x7e]*$/.test(value)

const brokenHeaders = (
  schemas: Schemas,
  parameters: Parameter[],
  valid: fc.Arbitrary<Draft>,
): BrokenRequest[] =>
  parameters.flatMap(({ name, schema }) => [
    ...brokenValues(schemas, schema)
      .filter(({ rule }) => rule !== 'type')
      .map(({ rule, value }) => ({
        at: `/headers/${name}`,
        rule,
        statuses: invalid,
        draft: fc
          .tuple(valid, value.filter(isHeaderText))
          .map(([draft, wrong]) => ({ ...draft, headers: { ...draft.headers, [name]: wrong } })),
      })),
    {
      at: `/headers/${name}`,
      rule: 'twice',
      sentence: 'The URL or a header cannot be read: a bad percent-encoding, a NUL, or a header sent twice.',
      statuses: [400, 422],
      draft: valid.map((draft) => ({ ...draft, headers: { ...draft.headers, [name]: ['1-1', '1-2'] } })),
    },
  ])

/** Dots alone and slashes make another path. */
const isSegment = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && !/^\.+$|[/\\]/.test(value)

const brokenPaths = (
  schemas: Schemas,
  parameters: Parameter[],
  valid: fc.Arbitrary<Draft>,
): BrokenRequest[] =>
  parameters.flatMap(({ name, schema }) =>
    brokenValues(schemas, schema)
      .filter(({ rule }) => rule !== 'type')
      .map(({ rule, value }) => ({
        at: `/path/${name}`,
        rule,
        statuses: invalid,
        draft: fc
          .tuple(valid, value.filter(isSegment))
          .map(([draft, wrong]) => ({ ...draft, path: { ...draft.path, [name]: wrong } })),
      })),
  )

/** Without what breaks a rule of its own beside a message. */
const forMessage = (body: unknown): unknown => {
  if (typeof body !== 'object' || body === null) return body
  const { regenerate: _, parent_id: __, ...rest } = body as Record<string, unknown>
  return rest
}

const inBody = (valid: fc.Arbitrary<Draft>, { at, rule, value }: Broken): BrokenRequest => ({
  at: `/body${at}`,
  rule,
  statuses: invalid,
  draft: fc
    .tuple(valid, value)
    .map(([draft, body]) => ({ ...draft, body: at === '/message' ? forMessage(body) : body })),
})

/** Every way in which a request of the operation can break one rule of the contract. `valid` are requests that break none. */
export const brokenRequests = (
  schemas: Schemas,
  operation: Operation,
  valid: fc.Arbitrary<Draft>,
  hints: Hints,
): BrokenRequest[] => {
  const { parameters, body } = operation
  const [content] = Object.values(body ?? {}) as (Schema | undefined)[]
  return [
    ...brokenPaths(schemas, parameters.filter(inPath), valid),
    ...brokenQueries(schemas, parameters.filter(inQuery), valid),
    ...brokenHeaders(schemas, parameters.filter(inHeader), valid),
    ...(content ? brokenValues(schemas, content, hints).map((broken) => inBody(valid, broken)) : []),
    ...(content ? brokenBodies(valid).map((broken) => ({ ...broken, at: '/body' })) : []),
    ...beyondSchema(operation, valid),
  ]
}
