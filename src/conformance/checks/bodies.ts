import { gzipSync } from 'node:zlib'
import type { CallOptions, Check, Context, Judged } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import {
  beginsTurn,
  checksForEach,
  expect,
  expectProblem,
  type Sample,
  sampleOf,
  takesFile,
} from '../samples.js'

/** The row of the sample, without its body. */
const rowOf = ({ path }: Sample): CallOptions => (path ? { path } : {})

const unreadable: [what: string, bytes: Buffer][] = [
  ['that is cut off', Buffer.from('{"title":')],
  ['that is a form', Buffer.from('title=x')],
  ['that has a comment', Buffer.from('{/* x */}')],
  ['that is not UTF-8', Buffer.from([...Buffer.from('{"title":"'), 0xff, 0xfe, ...Buffer.from('"}')])],
  ['with a NUL in a text', Buffer.from('{"title":"a\\u0000b","message":"a\\u0000b"}')],
  ['with a lone surrogate', Buffer.from('{"title":"\\ud800","message":"\\ud800"}')],
]

const malformed = async (context: Context, operation: Operation): Promise<void> => {
  const row = rowOf(await sampleOf(context, operation, context.a))
  for (const [, rawBody] of unreadable)
    await expectProblem(context, operation, { ...row, rawBody }, 400, 'malformed-body')
}

const otherTypes = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/vnd.conformance+json',
  'application/json; charset=utf-16',
  'application/json; charset=iso-8859-1',
]

const mediaTypes = async (context: Context, operation: Operation): Promise<void> => {
  const { body, ...row } = await sampleOf(context, operation, context.a)
  for (const type of otherTypes) {
    const options = { ...row, body, headers: { 'content-type': type } }
    await expectProblem(context, operation, options, 415, 'unsupported-media-type')
  }
  const compressed = {
    ...row,
    rawBody: gzipSync(JSON.stringify(body)),
    headers: { 'content-encoding': 'gzip' },
  }
  await expectProblem(context, operation, compressed, 415, 'unsupported-media-type')
}

const ownTypes = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  for (const type of Object.keys(operation.body ?? {})) {
    for (const parameter of ['', '; charset=utf-8', ';charset="UTF-8"']) {
      const headers = { 'content-type': `${type}${parameter}` }
      const judged = await context.call(operation, { ...sample, headers })
      expect(judged.status < 300, `${headers['content-type']} is ${judged.status}`, operation.id, judged)
    }
  }
}

const tooLarge = async (context: Context, operation: Operation): Promise<void> => {
  const row = rowOf(await sampleOf(context, operation, context.a))
  const rawBody = `{"title":"${'x'.repeat(262_200)}"}`
  const headers = { connection: 'close' }
  await expectProblem(context, operation, { ...row, rawBody, headers }, 413, 'body-too-large')
}

const isAbout = (judged: Judged, path: string, code: string): void => {
  const found = judged.json.errors.some(
    (error: { path: string; code: string }) => error.path === path && error.code === code,
  )
  const message = `errors has no ${code} at ${path}: ${JSON.stringify(judged.json.errors).slice(0, 200)}`
  expect(found, message, `FieldError: ${path}, ${code}`, judged)
}

const invalid = async (context: Context, operation: Operation): Promise<void> => {
  const { body, ...row } = await sampleOf(context, operation, context.a)
  const refuse = (options: CallOptions): Promise<Judged> =>
    expectProblem(context, operation, { ...row, ...options }, 422, 'validation-failed')
  await refuse({})
  await refuse({ rawBody: '' })
  for (const other of [null, [], 'text', 1, true]) isAbout(await refuse({ body: other }), '/body', 'type')
  const unknown = { ...(body as object), x_conformance: 1 }
  isAbout(await refuse({ body: unknown }), '/body/x_conformance', 'unknown')
  const [name = ''] = Object.keys(body as object)
  for (const value of [null, 1, {}, ['x']])
    isAbout(await refuse({ body: { ...(body as object), [name]: value } }), `/body/${name}`, 'type')
  if (beginsTurn(operation)) isAbout(await refuse({ body: {} }), '/body/message', 'required')
}

/** Texts of which nothing can be seen. */
const invisible = ['', ' \n\u00a0\u3000', '\u200b', '\ufeff\u2060', '\u00ad\ufe0f', '\u3164', '\u2800\u200d']

/** Of the first field of a sample, in code points; of others, a title's. */
const longestText: Record<string, number> = { createTurn: 10_000, streamNewTurn: 10_000, rateMessage: 2_000 }

const texts = async (context: Context, operation: Operation): Promise<void> => {
  const { body, ...row } = await sampleOf(context, operation, context.a)
  const [name = ''] = Object.keys(body as object)
  const longest = longestText[operation.id] ?? 200
  for (const text of [...invisible, 'x'.repeat(longest + 1), '\u{1f600}'.repeat(longest + 1)]) {
    const options = { ...row, body: { ...(body as object), [name]: text } }
    await expectProblem(context, operation, options, 422, 'validation-failed')
  }
  if (beginsTurn(operation)) return
  // Code points count, not UTF-16 units.
  for (const text of ['x', '\u{1f600}'.repeat(longest), '\u0600', ' x\n']) {
    const judged = await context.call(operation, { ...row, body: { ...(body as object), [name]: text } })
    expect(
      judged.json?.[name] === text,
      `${name} is not stored as it was sent`,
      `${operation.id}: ${name}`,
      judged,
    )
  }
}

/** Request bodies. */
export const bodyChecks = ({ operations }: Contract): Check[] => {
  const withBody = operations.filter((operation) => operation.body && !takesFile(operation))
  const free = withBody.filter((operation) => !beginsTurn(operation))
  return [
    ...checksForEach(withBody, 'malformed-body', () => 'a body that cannot be read is 400', malformed),
    ...checksForEach(
      withBody,
      'media-type',
      () => 'a body of another media type or coding is 415',
      mediaTypes,
    ),
    ...checksForEach(free, 'own-media-types', () => 'each declared media type is taken, in UTF-8', ownTypes),
    ...checksForEach(withBody, 'large-body', () => 'a body of more than 256 KiB is 413', tooLarge),
    ...checksForEach(
      withBody,
      'invalid-body',
      () => 'a body that is not what the contract says is 422',
      invalid,
    ),
    ...checksForEach(withBody, 'texts', () => 'a text is bounded in code points, and can be seen', texts),
  ]
}
