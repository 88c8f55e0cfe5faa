import { randomBytes } from 'node:crypto'
import { type CallOptions, type Check, type Context, Failure, type User } from '../check.js'
import type { Contract, Operation } from '../contract.js'
import {
  checksForEach,
  expect,
  expectEqual,
  expectProblem,
  namesRow,
  rowIdsOf,
  sampleOf,
  snapshot,
} from '../samples.js'

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

const readPart = (part = ''): Record<string, unknown> | undefined => {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** Tokens that must not pass, made from one that does. `victim` is whom the forged ones are for. */
const forgeries = (token: string, victim: User): [what: string, authorization: string][] => {
  const general: [string, string][] = [
    ['that is no JWT', 'Bearer x.y.z'],
    ['that is empty', 'Bearer'],
    ['of another scheme', `Basic ${Buffer.from('a:b').toString('base64')}`],
  ]
  const [head = '', payload = '', signature = ''] = token.split('.')
  const [header, claims] = [readPart(head), readPart(payload)]
  if (!header || !claims || signature.length < 8) return general
  const forged = base64url({ ...claims, sub: victim.id })
  // Half of it is random, since a report shows it: nobody could make the token of it.
  const half = signature.length >> 1
  const other =
    signature.slice(0, half) +
    randomBytes(signature.length)
      .toString('base64url')
      .slice(0, signature.length - half)
  const none = base64url({ ...header, alg: 'none' })
  return [
    ...general,
    ['without its signature', `Bearer ${head}.${payload}.`],
    ['with another signature', `Bearer ${head}.${payload}.${other}`],
    ['whose sub was changed', `Bearer ${head}.${forged}.${other}`],
    ['with the algorithm none', `Bearer ${none}.${forged}.`],
    ['with the algorithm none and a signature', `Bearer ${none}.${forged}.${other}`],
  ]
}

/** Runs `attempt` and fails if the victim's conversation has changed by it. */
const leavesAlone = async (
  context: Context,
  operation: Operation,
  victim: User,
  attempt: () => Promise<unknown>,
): Promise<void> => {
  if (!namesRow(operation) || operation.method === 'GET') {
    await attempt()
    return
  }
  const { conversation_id } = await context.turn(victim)
  const before = await snapshot(context, victim, conversation_id)
  await attempt()
  expectEqual(
    await snapshot(context, victim, conversation_id),
    before,
    'after the refused request the conversation',
    'Who may call',
  )
}

const challengeOf = async (
  context: Context,
  operation: Operation,
  options: CallOptions,
): Promise<{ challenge: string; fail: (message: string) => never }> => {
  const judged = await expectProblem(context, operation, options, 401, 'unauthenticated')
  const challenge = judged.headers['www-authenticate'] ?? ''
  const fail = (message: string): never => {
    throw new Failure(message, 'WwwAuthenticate', judged)
  }
  if (!/^Bearer\b/i.test(challenge)) fail(`www-authenticate is "${challenge}", not Bearer`)
  return { challenge, fail }
}

const withoutToken = async (context: Context, operation: Operation): Promise<void> => {
  const { a } = context
  const sample = await sampleOf(context, operation, a)
  await leavesAlone(context, operation, a, async () => {
    const { challenge, fail } = await challengeOf(context, operation, { ...sample, as: null })
    if (challenge.includes('error=')) fail('www-authenticate names an error although there was no token')
  })
  // In the query a token would be logged (RFC 6750, section 2.3).
  await challengeOf(context, operation, { ...sample, as: null, query: { access_token: a.token } })
}

const withBadToken = async (context: Context, operation: Operation): Promise<void> => {
  const { a, b } = context
  const sample = await sampleOf(context, operation, b)
  await leavesAlone(context, operation, b, async () => {
    for (const [what, authorization] of forgeries(a.token, b)) {
      const { challenge, fail } = await challengeOf(context, operation, {
        ...sample,
        as: b,
        headers: { authorization },
      }).catch((error: unknown) => {
        throw error instanceof Failure
          ? new Failure(`a token ${what}: ${error.message}`, error.promise, error.exchange)
          : error
      })
      const isToken = /^Bearer ./.test(authorization)
      if (isToken && !challenge.includes('error="invalid_token"'))
        fail(`a token ${what}: www-authenticate is "${challenge}", without error="invalid_token"`)
    }
  })
}

const withOthersToken = async (context: Context, operation: Operation): Promise<void> => {
  const { a, b } = context
  const sample = await sampleOf(context, operation, b)
  const path = { ...sample.path, user_id: b.id }
  await leavesAlone(context, operation, b, async () => {
    await expectProblem(context, operation, { ...sample, path, as: a }, 403, 'forbidden')
  })
}

const beforeTheBody = async (context: Context, operation: Operation): Promise<void> => {
  const { a, b } = context
  const sample = await sampleOf(context, operation, a)
  const broken = { ...sample, body: undefined, rawBody: '{' }
  await expectProblem(context, operation, { ...broken, as: null }, 401, 'unauthenticated')
  const headers = { 'content-type': 'text/plain' }
  await expectProblem(context, operation, { ...broken, headers, as: null }, 401, 'unauthenticated')
  const path = { ...sample.path, user_id: b.id }
  await expectProblem(context, operation, { ...broken, path, as: a }, 403, 'forbidden')
}

const beforeTheIds = async (context: Context, operation: Operation): Promise<void> => {
  const path = Object.fromEntries(rowIdsOf(operation).map((name) => [name, 'x']))
  const body = operation.body && {}
  await expectProblem(context, operation, { path, body, as: null }, 401, 'unauthenticated')
  const others = { ...path, user_id: context.b.id }
  await expectProblem(context, operation, { path: others, body, as: context.a }, 403, 'forbidden')
}

const withoutNeed = async (context: Context, operation: Operation): Promise<void> => {
  const headers = { authorization: 'Bearer x.y.z' }
  const judged = await context.call(operation, { as: null, headers })
  expect(judged.status < 400, `the status is ${judged.status}`, `${operation.id}: no token`, judged)
}

/** Who may call: no token, broken ones, another user's. */
export const authenticationChecks = ({ operations }: Contract): Check[] => {
  const secured = operations.filter(({ isPublic }) => !isPublic)
  return [
    ...checksForEach(
      secured,
      'no-token',
      () => 'without a token it is 401, and nothing is done',
      withoutToken,
    ),
    ...checksForEach(secured, 'bad-token', () => 'a forged token is 401, and nothing is done', withBadToken),
    ...checksForEach(
      secured,
      'other-user',
      () => "with another user's token it is 403, and nothing is done",
      withOthersToken,
    ),
    ...checksForEach(
      secured.filter(({ body }) => body),
      'token-before-body',
      () => 'the token is judged before the body',
      beforeTheBody,
    ),
    ...checksForEach(secured, 'token-before-ids', () => 'the token is judged before the ids', beforeTheIds),
    ...checksForEach(
      operations.filter(({ isPublic }) => isPublic),
      'public',
      () => 'it asks for no token, and judges none',
      withoutNeed,
    ),
  ]
}
