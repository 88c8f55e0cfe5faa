/** The handlers' types, derived from the contract: a wrong handler does not compile. */
import type { FastifyBaseLogger } from 'fastify'
import type { operations as table } from '../../generated/bindings.js'
import type { operations } from '../../generated/closed/contract.js'
import type { CodesOf, Problem } from '../problems.js'
import type { SseStream } from './sse.js'
import type { TextStream } from './text-stream.js'

export type OperationId = keyof typeof table
type Operation<Id extends OperationId> = operations[Id]
type Responses<Id extends OperationId> = Operation<Id>['responses']

/** The declared statuses other than problems. */
type SuccessStatus<Id extends OperationId> = {
  [S in keyof Responses<Id>]: Responses<Id>[S] extends { content: { 'application/problem+json': unknown } }
    ? never
    : S
}[keyof Responses<Id>]

type BodyOf<Id extends OperationId, S extends keyof Responses<Id>> = Responses<Id>[S] extends {
  content: infer Content
}
  ? [body: BodyAs<Content>, headers?: ResponseHeaders]
  : []
type BodyAs<Content> =
  | (Content extends { 'application/json': infer Body } ? Body : never)
  | (Content extends { 'text/event-stream': unknown } ? SseStream : never)
  | (Content extends { 'application/x-ndjson': unknown } | { 'text/markdown': unknown } ? TextStream : never)

type ResponseHeaders = Record<string, string>

type QueryOf<Id extends OperationId> = Operation<Id>['parameters'] extends { query?: infer Query }
  ? [Query] extends [never]
    ? Record<never, never>
    : WithDefaults<NonNullable<Query>, (typeof table)[Id]['queryDefaults']>
  : Record<never, never>
type WithDefaults<Query, Defaults> = Query & Required<Pick<Query, keyof Query & keyof Defaults>>

type HeadersOf<Id extends OperationId> = Operation<Id>['parameters'] extends { header?: infer Headers }
  ? [Headers] extends [never]
    ? Record<never, never>
    : NonNullable<Headers>
  : Record<never, never>

/** A file comes as its bytes, which the handler reads. */
type RequestBody<Id extends OperationId> =
  Operation<Id> extends { requestBody: { content: infer Content } }
    ? Content extends { 'application/x-ndjson': unknown }
      ? AsyncIterable<Buffer>
      : Content extends { 'application/json': infer Body }
        ? Body
        : undefined
    : undefined

/** Who calls: the token's subject, and those of its claims that the program uses, by their names. */
export interface Caller {
  id: string
  /** when the token expires, in milliseconds since 1970 */
  expiresAt: number
  claims?: Readonly<Record<string, unknown>>
}

/** An authenticated request, validated against the contract. */
interface HandlerRequest<Id extends OperationId> {
  params: Operation<Id>['parameters'] extends { path: infer Params } ? Params : Record<never, never>
  query: QueryOf<Id>
  /** the declared headers, spelled as in the contract */
  headers: HeadersOf<Id>
  body: RequestBody<Id>
  /** the response media type that the client prefers */
  mediaType: (typeof table)[Id]['produces'][number]
  /** the token's subject, which equals the path's `user_id`; undefined where the operation requires no token */
  user: (typeof table)[Id]['secured'] extends true ? Caller : undefined
  log: FastifyBaseLogger
}

declare const made: unique symbol

/** A response made by `reply`. Handlers cannot construct one themselves, so excess properties do not compile. */
export interface Reply<Id extends OperationId> {
  readonly status: number
  readonly body: unknown
  readonly headers: ResponseHeaders
  readonly [made]: Id
}

/** Makes a response with a declared status and its declared body. */
type MakeReply<Id extends OperationId> = <S extends SuccessStatus<Id>>(
  status: S,
  ...rest: BodyOf<Id, S>
) => Reply<Id>

export type Handler<Id extends OperationId> = (
  request: HandlerRequest<Id>,
  reply: MakeReply<Id>,
) => Promise<Reply<Id> | Problem<CodesOf<keyof Responses<Id>>>>

/** One handler for every operation: a missing or misnamed one does not compile. */
export type Handlers = { [Id in OperationId]: Handler<Id> }
