import { randomBytes } from 'node:crypto'
import {
  type CallOptions,
  type Check,
  type Context,
  Failure,
  type Judged,
  type TurnIds,
  type User,
} from './check.js'
import type { Operation } from './contract.js'

/** A UUIDv7 that names nothing. */
export const unknownId = (): string => {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** What any model answers soon and with little. */
export const shortMessage = 'Answer with the one word: yes'

/** A body that is right for each operation that takes one. */
const bodies: Record<string, object> = {
  createTurn: { message: shortMessage },
  streamNewTurn: { message: shortMessage },
  createConversation: { title: 'A title' },
  updateConversation: { title: 'Another title' },
  rateMessage: { comment: 'A comment', rating: 'up' },
}

/** Confirms the erasure of nobody: what erases a user is asked for it only by its own check, where the operator permits it. */
const nobody = 'nobody-whom-a-check-knows'

/** The query parameters that an operation cannot do without. */
const queries: Record<string, Record<string, string>> = {
  eraseUser: { confirm: nobody },
  searchMessages: { q: 'yes' },
}

/** Whether a right request of it would take away what the checks need, and all that the user has besides. */
export const erasesUser = ({ id }: Operation): boolean => id === 'eraseUser'

/** Whether its answer is a stream without an end, which is left after its first frame unless a check reads on. */
export const hasNoEnd = ({ id }: Operation): boolean => id === 'streamUpdates'

/** Whether its body is a file, which no schema tells right from wrong. */
export const takesFile = ({ body }: Operation): boolean =>
  body !== undefined && 'application/x-ndjson' in body

/** The operations that begin a turn, and name their conversation in the body. */
export const beginsTurn = ({ id }: Operation): boolean => id === 'createTurn' || id === 'streamNewTurn'

/** Whether the operation is about one row: a conversation, a turn or a message. */
export const namesRow = (operation: Operation): boolean =>
  rowIdsOf(operation).length > 0 || beginsTurn(operation)

/** The names of the ids in its path, the user's aside. */
export const rowIdsOf = ({ path }: Operation): string[] =>
  [...path.matchAll(/\{(?!user_id\})(\w+)\}/g)].map(([, name = '']) => name)

/** What a right request has to have. */
export type Sample = Pick<CallOptions, 'path' | 'body' | 'rawBody'> & { query?: Record<string, string> }

/** A right request for what `ids` name. */
export const sampleFor = (operation: Operation, ids: Record<string, string>): Sample => {
  const { message_id = unknownId() } = ids
  const body =
    operation.id === 'forkConversation'
      ? { title: 'A copy', message_id }
      : (bodies[operation.id] ?? (operation.body && !takesFile(operation) && {}))
  const path = rowIdsOf(operation).map((name) => [name, ids[name] ?? unknownId()])
  const query = queries[operation.id]
  return {
    path: Object.fromEntries(path),
    ...(query && { query }),
    ...(takesFile(operation) && { rawBody: '{"type":"end"}\n' }),
    ...(body && {
      body: beginsTurn(operation) ? { ...body, conversation_id: ids.conversation_id } : body,
    }),
  }
}

/** A right request for something of the user's. What is deleted is a conversation of its own. */
export const sampleOf = async (context: Context, operation: Operation, user: User): Promise<Sample> => {
  const needsIds = namesRow(operation)
  const ids = needsIds ? { ...(await context.turn(user)) } : {}
  if (operation.method === 'DELETE' && needsIds)
    return sampleFor(operation, { conversation_id: await context.conversation(user) })
  return sampleFor(operation, ids)
}

/** A check for each operation that fits. */
export const checksForEach = (
  operations: Operation[],
  name: string,
  title: (operation: Operation) => string,
  run: (context: Context, operation: Operation) => Promise<void>,
): Check[] =>
  operations.map((operation) => ({
    id: `${name}.${operation.id}`,
    title: title(operation),
    operation: operation.id,
    run: (context) => run(context, operation),
  }))

/** Calls, and expects a problem with this status and code. */
export const expectProblem = async (
  context: Context,
  operation: Operation | string,
  options: CallOptions,
  status: number,
  code: string,
): Promise<Judged> => {
  const judged = await context.call(operation, { ...options, expect: status })
  if (judged.request.method !== 'HEAD' && judged.json?.code !== code)
    throw new Failure(`the code is ${judged.json?.code}, not ${code}`, `ProblemCode, ${code}`, judged)
  return judged
}

/** Fails unless `condition` holds. */
export const expect = (condition: boolean, message: string, promise: string, exchange?: Judged): void => {
  if (!condition) throw new Failure(message, promise, exchange)
}

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** JSON with the keys in order, so that equal values are equal texts. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  ) ?? 'undefined'

export const expectEqual = (
  actual: unknown,
  expected: unknown,
  what: string,
  promise: string,
  exchange?: Judged,
): void => {
  if (canonical(actual) === canonical(expected)) return
  throw new Failure(`${what} is ${show(actual)}, not ${show(expected)}`, promise, exchange)
}

/** Fails unless the problem's errors name this place. The name of a header may be in any case. */
export const expectErrorAt = (judged: Judged, place: string): void => {
  const places: string[] = judged.json.errors.map(({ path }: { path: string }) => path)
  const isNamed = place.startsWith('/headers/')
    ? places.some((path) => path.toLowerCase() === place.toLowerCase())
    : places.includes(place)
  expect(isNamed, `errors are about ${places}, not about ${place}`, `FieldError: ${place}`, judged)
}

/** Waits for all of them, also for those beside one that fails. Throws what the first of them has failed with. */
export const allOrFirstFailure = async <T extends readonly Promise<unknown>[] | []>(promises: T) => {
  await Promise.allSettled(promises)
  return Promise.all(promises)
}

/** What a stream says of its turn at its beginning. */
export const turnDataOf = ({ events }: Judged): Partial<TurnIds> =>
  events.find(({ type }) => type === 'data-turn')?.data ?? {}

/** The frames of a stream, to compare what two readers were sent. */
export const framesOf = ({ response }: Judged): string[] =>
  (response?.frames ?? []).map(({ id, data }) => `${id} ${data}`)

/** A conversation with its messages, to see whether it changes. */
export const snapshot = async (context: Context, user: User, conversation_id: string): Promise<unknown> => {
  const options = { as: user, path: { conversation_id }, expect: 200 }
  const { json: conversation } = await context.call('getConversation', options)
  const { json: messages } = await context.call('listMessages', options)
  return { conversation, messages }
}
