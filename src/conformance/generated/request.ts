import fc from 'fast-check'
import type { CallOptions } from '../check.js'
import type { Operation, Parameter } from '../contract.js'
import type { Schemas } from './schema.js'
import { type Hints, validValue } from './valid.js'

/** A generated request, before the ids of rows are filled in. */
export interface Draft {
  path: Record<string, string>
  /** names and values as they are before they are percent-encoded */
  query: [name: string, value: string][]
  /** in place of `query`, as it goes over the wire */
  rawQuery?: string
  headers: Record<string, string | string[]>
  body?: unknown
  /** in place of `body` */
  rawBody?: string | Buffer
}

/** Requests in which exactly one rule of the contract is broken. */
export interface BrokenRequest {
  /** the part, and the place in it, such as `/query/limit` */
  at: string
  /** a keyword of JSON Schema, or what else is wrong */
  rule: string
  /** what the contract says where no schema does */
  sentence?: string
  /** how the contract answers it */
  statuses: number[]
  draft: fc.Arbitrary<Draft>
}

/** Stands for the id of a row that exists, until the request is sent. */
export const idPlaceholder = (name: string): string => `{${name}}`

const hex = fc.integer({ min: 0, max: 2 ** 30 }).map((bits) => bits.toString(16).padStart(8, '0'))

/** An id that no row has. */
const strangerId = fc
  .tuple(hex, hex, hex, hex)
  .map(([a, b, c, d]) => `${a}-${b.slice(0, 4)}-7${c.slice(0, 3)}-a${c.slice(3, 6)}-${d}${b.slice(4)}`)

/** Where the ids in generated requests come from. */
export type Ids = (name: string) => fc.Arbitrary<string>

export const knownIds: Ids = (name) => fc.constant(idPlaceholder(name))
export const anyIds: Ids = (name) =>
  fc.oneof({ weight: 3, arbitrary: knownIds(name) }, { weight: 1, arbitrary: strangerId })

/** A key that was never used before, bare or quoted. */
const freshKey = fc
  .tuple(fc.boolean(), fc.string({ unit: fc.constantFrom(...'aZ09!#[]{}~=,;\'`|"\\'), maxLength: 100 }))
  .map(([isQuoted, rest]) =>
    isQuoted
      ? `"${idPlaceholder('fresh_id')}${rest.replace(/["\\]/g, '\\$&')}"`
      : `${idPlaceholder('fresh_id')}${rest}`,
  )

/** Values for where the schema allows more than the contract does: see `beyond-schema.ts`. */
export const hintsFor = (ids: Ids, models: string[]): Hints => ({
  model: fc.constantFrom(...models),
  conversation_id: ids('conversation_id'),
  message_id: ids('message_id'),
  parent_id: fc.constant(null),
  // What a generated request changes is looked at afterwards.
  expires_at: fc.constant('2999-12-31T23:59:59.999Z'),
  'Idempotency-Key': freshKey,
  // Nobody is erased by a generated request.
  confirm: fc.constant('nobody-whom-a-check-knows'),
})

export const inPath = ({ name, in: part }: Parameter): boolean => part === 'path' && name !== 'user_id'
export const inQuery = ({ in: part }: Parameter): boolean => part === 'query'
export const inHeader = ({ in: part }: Parameter): boolean => part === 'header'

/** A parameter's value as the pairs of a query. */
export const toPairs = ({ name, style }: Parameter, value: unknown): [string, string][] => {
  if (Array.isArray(value)) return value.length === 0 ? [] : [[name, value.join(',')]]
  if (style === 'deepObject')
    return Object.entries(value as object).map(([key, text]) => [`${name}[${key}]`, String(text)])
  return [[name, String(value)]]
}

const hasBracket = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).some((key) => /[[\]]/.test(key))

/** Values of a query parameter that can be written into a URL. */
const queryValue = (schemas: Schemas, { schema }: Parameter, hints: Hints = {}) =>
  validValue(schemas, schema, hints).filter((value) => !hasBracket(value))

const record = <T>(entries: (readonly [string, fc.Arbitrary<T>])[]): fc.Arbitrary<Record<string, T>> =>
  fc.record(Object.fromEntries(entries) as Record<string, fc.Arbitrary<T>>)

const maybe = (parameter: Parameter, value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  parameter.required ? value : fc.option(value, { nil: undefined })

/** The days of a range in their order: "not before `first_day`". */
const inOrder = (pairs: [string, string][]): [string, string][] => {
  const days = pairs.filter(([name]) => /^(first|last)_day$/.test(name)).map(([, day]) => day)
  const [first = '', last = first] = days.sort()
  return pairs.map(([name, value]) =>
    name === 'first_day' ? [name, first] : name === 'last_day' ? [name, last] : [name, value],
  )
}

const isLong = (pairs: [string, string][]): boolean => toQuery(pairs).length > 7_000

/** A cursor is opaque: no valid one can be made. */
const isMade = ({ name }: Parameter): boolean => name !== 'cursor'

/** Requests that the contract allows. */
export const validDraft = (
  schemas: Schemas,
  { parameters, body = {} }: Operation,
  { ids, hints }: { ids: Ids; hints: Hints },
): fc.Arbitrary<Draft> => {
  const headerValue = ({ name, schema }: Parameter) => hints[name] ?? validValue(schemas, schema, hints)
  const queries = parameters.filter(inQuery).filter(isMade)
  const query = fc
    .tuple(...queries.map((parameter) => maybe(parameter, queryValue(schemas, parameter, hints))))
    .map((values) =>
      values.flatMap((value, at) => {
        const parameter = queries[at]
        return value === undefined || !parameter ? [] : toPairs(parameter, value)
      }),
    )
    .filter((pairs) => !isLong(pairs))
    .map(inOrder)
  const headers = parameters
    .filter(inHeader)
    .map((parameter) => [parameter.name, maybe(parameter, headerValue(parameter))] as const)
  const [content] = Object.values(body)
  return fc
    .record({
      path: record(parameters.filter(inPath).map(({ name }) => [name, ids(name)] as const)),
      query,
      headers: record(headers).map((values) =>
        Object.fromEntries(
          Object.entries(values).flatMap(([name, value]) =>
            value === undefined ? [] : [[name, String(value)]],
          ),
        ),
      ),
      body: content ? validValue(schemas, content, hints) : fc.constant(undefined),
    })
    .map(({ body, ...rest }) => ({ ...rest, ...(body !== undefined && { body }) }))
}

export const toQuery = (pairs: [string, string][]): string =>
  pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join('&')

/** Fills in the ids. */
export const toCall = (draft: Draft, ids: Record<string, string>): CallOptions => {
  const fill = <T>(value: T): T =>
    JSON.parse(JSON.stringify(value).replace(/\{(\w+_id)\}/g, (whole, name: string) => ids[name] ?? whole))
  const { path, query, rawQuery = toQuery(query), headers, body, rawBody } = draft
  return {
    path: fill(path),
    ...(rawQuery !== '' && { query: rawQuery }),
    headers: fill(headers),
    ...(rawBody !== undefined ? { rawBody } : body !== undefined && { body: fill(body) }),
  }
}

/** Whether two requests of the operation can differ in more than their ids. */
export const varies = ({ parameters, body }: Operation): boolean =>
  body !== undefined || parameters.some((parameter) => inQuery(parameter) || inHeader(parameter))
