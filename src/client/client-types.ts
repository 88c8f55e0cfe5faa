import type { operations as paths } from '../../generated/contract.js'
import type { RequestOptions } from './core.js'
import type { List, Page } from './page.js'

/** The types of the client's methods, made from the contract's. */

type Operations = paths
type Known<T> = [NonNullable<T>] extends [never] ? unknown : NonNullable<T>

type Query<O> = O extends { parameters: { query?: infer Q } } ? Known<Q> : unknown
type Path<O> = O extends { parameters: { path?: infer P } } ? Omit<Known<P>, 'user_id'> : unknown
type Content<T> = T extends { content: infer C } ? C : never
type BodyOf<O> = O extends { requestBody?: infer B } ? Content<NonNullable<B>> : never
type Fields<O> = [BodyOf<O>] extends [never]
  ? unknown
  : BodyOf<O> extends { 'application/x-ndjson': unknown }
    ? { file: string | Blob }
    : BodyOf<O> extends { 'application/json': infer J }
      ? J
      : never

/** All parameters of an operation in one object: the path's, the query's and the fields of the JSON body. */
export type ParamsOf<O> = Path<O> & Query<O> & Fields<O>

type Success<O> = O extends { responses: infer R } ? R[keyof R & (200 | 201 | 202 | 204)] : never
type Answer<O> = Content<Success<O>>

/** An event of today; of those that a later server adds, only the beginning of their type is known. */
type KnownEvent<E> = E extends { type: infer T } ? (string extends T ? never : E) : E

type Json<O> = Answer<O> extends infer C ? (C extends { 'application/json': infer J } ? J : never) : never
type Events<O> = Answer<O> extends infer C ? (C extends { 'text/event-stream': infer E } ? E : never) : never

type Lines<O> =
  Answer<O> extends infer C ? (C extends { 'application/x-ndjson': infer L } ? L : never) : never
type Text<O> = Answer<O> extends infer C ? (C extends { 'text/markdown': infer T } ? T : never) : never

export type AnswerOf<O> = [Json<O>] extends [never]
  ? [Events<O> | Lines<O>] extends [never]
    ? Promise<void>
    : AsyncGenerator<KnownEvent<Events<O> | Lines<O>>, void>
  : Json<O> extends Page<unknown>
    ? List<Json<O>>
    : Promise<Json<O> | Text<O>>

type Arguments<P> = unknown extends P
  ? [params?: Record<string, never>, options?: RequestOptions]
  : Record<never, never> extends P
    ? [params?: P, options?: RequestOptions]
    : [params: P, options?: RequestOptions]

/** A method for every operation of the contract, by its operationId. */
export type Client = {
  readonly [Id in keyof Operations]: (
    ...args: Id extends 'streamUpdates' ? [options?: RequestOptions] : Arguments<ParamsOf<Operations[Id]>>
  ) => AnswerOf<Operations[Id]>
}
