import type { Check, Context } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import { checksForEach, expect, expectProblem, sampleOf } from '../samples.js'

const unreadable = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  for (const query of ['x=%zz', 'x=%ff', 'x=%00'])
    await expectProblem(context, operation, { ...sample, query }, 400, 'malformed-request')
  if (operation.isPublic) return
  const authorization = [`Bearer ${context.a.token}`, `Bearer ${context.b.token}`]
  await expectProblem(context, operation, { ...sample, headers: { authorization } }, 400, 'malformed-request')
}

const longUrl = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  const query = `x=${'x'.repeat(9_000)}`
  await expectProblem(context, operation, { ...sample, query }, 414, 'uri-too-long')
}

const largeHeaders = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  const headers = { 'x-conformance': 'x'.repeat(17_000), connection: 'close' }
  await expectProblem(context, operation, { ...sample, headers }, 431, 'headers-too-large')
}

const unknownQuery = async (context: Context, operation: Operation): Promise<void> => {
  const sample = await sampleOf(context, operation, context.a)
  const query = { ...sample.query, 'x-conformance': '1' }
  const judged = await expectProblem(context, operation, { ...sample, query }, 422, 'validation-failed')
  const [error] = judged.json.errors
  expect(
    error.path === '/query/x-conformance' && error.code === 'unknown',
    `errors begins with ${JSON.stringify(error)}`,
    'FieldError: /query/x-conformance, unknown',
    judged,
  )
}

/** What of a request is judged the same way for every operation, its body aside. */
export const requestChecks = ({ operations }: Contract): Check[] => [
  ...checksForEach(
    operations,
    'unreadable',
    () => 'a bad percent-encoding, a NUL or a header sent twice is 400',
    unreadable,
  ),
  ...checksForEach(operations, 'long-url', () => 'a URL of more than 8,192 bytes is 414', longUrl),
  ...checksForEach(operations, 'large-headers', () => 'headers of more than 16 KiB are 431', largeHeaders),
  ...checksForEach(operations, 'unknown-query', () => 'an unknown query parameter is 422', unknownQuery),
]
