import { pipeline, Readable, Transform } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Test } from 'tap'
import { type AppOptions, buildApp } from '../../src/app.js'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { echo } from '../../src/models/echo.js'
import type { UserLimits } from '../../src/turns/limits.js'
import type { LimitRules } from '../../src/turns/user-rules.js'
import './openapi-validator.js'
import { contractFaults } from './contract.js'
import { type DatabaseOptions, sameDatabase, testDatabase } from './database.js'
import { lendDatabase } from './lent-database.js'
import { readStream, type StreamAnswer } from './stream.js'
import { claims, hs256, SECRET } from './tokens.js'
import { within } from './wait.js'

/** Parsed JSON of a shape that the test asserts. */
export type Json = ReturnType<typeof JSON.parse>

export interface Call {
  user?: string
  body?: unknown
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  /** the parsed body; undefined when there is none */
  body: Json
  text: string
}

export interface TestApp {
  app: FastifyInstance
  db: Database
  url: string
  databaseUrl: string
  superuserUrl: string
  /** Sends a request as `user` (alice unless told) and checks the answer against the contract. */
  call(method: string, path: string, call?: Call): Promise<Answer>
  /** Opens an event stream as `user`; what is no stream is answered as by `call`. */
  stream(method: string, path: string, call?: Call): Promise<StreamAnswer>
  /** Sends a message as `user` and gives the answer's body. */
  chat(message: string, options?: { user?: string; conversation_id?: string }): Promise<Json>
}

export type TestAppOptions = Omit<Partial<AppOptions>, 'limits'> & {
  limits?: Partial<AppOptions['limits']>
  database?: DatabaseOptions
  /** another app's, in place of a database of its own */
  databaseUrl?: string
}

const defaultLimits: AppOptions['limits'] = {
  turnTimeoutMs: 30_000,
  busyWaitMs: 5_000,
  leaseMs: 15_000,
  historyMessages: 40,
  historyTokens: 16_000,
  toolSteps: 8,
  toolCalls: 32,
  toolTimeoutMs: 30_000,
}

/** High enough for what tests do at once, so that turns are counted in all of them. */
const defaultUserLimits: LimitRules = {
  everybody: {
    runningTurns: 1_000,
    waitingMessages: 1_000,
    turnsPerMinute: null,
    turnsPerDay: null,
    tokensPerDay: null,
  },
  plans: new Map(),
  users: new Map(),
}

/** The limits of everybody in a test's app; what is left out is high enough. */
export const limitRules = (limits: Partial<UserLimits>, more: Partial<LimitRules> = {}): LimitRules => ({
  ...defaultUserLimits,
  ...more,
  everybody: { ...defaultUserLimits.everybody, ...limits },
})

/** A token of `user` that the test app accepts. */
export const tokenOf = (user: string): string => hs256(claims({ sub: user, iss: undefined, aud: undefined }))

/** What comes after each part of a stream; other bodies are judged as a whole. */
const separators: Record<string, string> = { 'text/event-stream': '\n\n', 'application/x-ndjson': '\n' }

/** Fails the test for every response that the contract does not know, whoever asked for it. */
const watch = (t: Test, app: FastifyInstance): void => {
  app.addHook('onSend', async (request, reply, payload) => {
    const check = (body: string): void => {
      const faults = contractFaults({
        method: request.method,
        path: request.raw.url?.split('?')[0] ?? '',
        status: reply.statusCode,
        headers: reply.getHeaders(),
        body,
      })
      if (faults.length > 0) t.fail(`${request.method} ${request.url}: ${faults.join('; ')}`)
    }
    const separator = separators[String(reply.getHeader('content-type')).split(';')[0] ?? '']
    if (!(payload instanceof Readable)) {
      check(typeof payload === 'string' ? payload : '')
      return payload
    }
    const decoder = new StringDecoder()
    let begun = ''
    const watched = new Transform({
      transform(chunk, _encoding, done) {
        begun += decoder.write(chunk)
        const last = separator === undefined ? -1 : begun.lastIndexOf(separator)
        const whole = last + (separator?.length ?? 0)
        if (last >= 0) check(begun.slice(0, whole))
        if (last >= 0) begun = begun.slice(whole)
        done(null, chunk)
      },
      flush(done) {
        if (separator === undefined) check(begun)
        done()
      },
    })
    return pipeline(payload, watched, () => {})
  })
}

/** An app's database, one that is lent to it unless it is said what is particular about it. */
const databaseOf = async (t: Test, { database, databaseUrl, db }: TestAppOptions) => {
  if (database === undefined && databaseUrl === undefined) {
    const lent = await lendDatabase(t)
    return { ...lent, db: db ?? lent.db }
  }
  const own = databaseUrl === undefined ? await testDatabase(t, database) : sameDatabase(databaseUrl)
  return { ...own, db: db ?? connect({ url: own.url, max: 5, prepare: 'auto' }) }
}

/** The real server on a free port, with a database of its own; gone at the end of the test. */
export const testApp = async (t: Test, options: TestAppOptions = {}): Promise<TestApp> => {
  const { url: databaseUrl, superuserUrl, db } = await databaseOf(t, options)
  const app = await buildApp({
    model: echo(),
    auth: { shared: { secret: SECRET } },
    corsOrigins: [],
    log: pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' }),
    shutdownMs: 5_000,
    userLimits: defaultUserLimits,
    ...options,
    db,
    limits: { ...defaultLimits, ...options.limits },
  })
  watch(t, app)
  // A client's spare connection would keep the server open; `serve` does the same.
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), 1_000).unref()
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  t.teardown(async () => {
    await app.close()
    await db.close()
  })

  const request = (method: string, path: string, { user = 'alice', body, headers = {} }: Call) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${tokenOf(user)}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const call: TestApp['call'] = async (method, path, options = {}) => {
    const what = `the answer to ${method} ${path}`
    const response = await within(what, request(method, path, options))
    const text = await within(`the rest of ${what}`, response.text())
    const isJson = /json\b/.test(response.headers.get('content-type')?.replace('x-ndjson', '') ?? '')
    return {
      status: response.status,
      headers: response.headers,
      text,
      body: isJson && text.startsWith('{') ? JSON.parse(text) : undefined,
    }
  }
  return {
    app,
    db,
    url,
    databaseUrl,
    superuserUrl,
    call,
    async stream(method, path, { headers, ...options } = {}) {
      const accept = { accept: 'text/event-stream' }
      const response = request(method, path, { ...options, headers: { ...accept, ...headers } })
      return readStream(await within(`the stream of ${method} ${path}`, response))
    },
    async chat(message, { user = 'alice', conversation_id } = {}) {
      const { status, body, text } = await call('POST', `/api/${user}/chat`, {
        user,
        body: { message, conversation_id },
      })
      if (status !== 200) throw new Error(`chat answered ${status}: ${text}`)
      return body
    },
  }
}
