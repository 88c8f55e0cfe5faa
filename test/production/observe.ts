import { Writable } from 'node:stream'
import { pino } from 'pino'
import type { Test } from 'tap'
import { type Answer, type Json, type TestApp, type TestAppOptions, testApp } from '../helpers/app.js'

/** The kinds of requests, in the order of the table's columns. */
export const kinds = [
  'createTurn',
  'as a stream',
  'listConversations',
  'getTurn',
  'cancelTurn',
  'ready',
] as const
export type Kind = (typeof kinds)[number]

export interface Observation {
  /** `200`, or a status with its code */
  answers: Record<Kind, string>
  /** how long the slowest took */
  slowestMs: number
  readyMs: number
}

export interface Instance extends TestApp {
  /** Sends one request of each kind at once. */
  observe(): Promise<Observation>
  /** what it logged so far, a text for each line */
  logged(): string
}

const inShort = (t: Test, { status, body, headers }: Pick<Answer, 'status' | 'body' | 'headers'>): string => {
  if (status < 400) return '200'
  if (status === 503) t.ok(Number(headers.get('retry-after')) > 0, `${body.code} says when to come back`)
  return `${status} \`${body.code}\``
}

/** An instance that has a turn to ask for, and whose log is kept. */
export const instance = async (
  t: Test,
  databaseUrl: string,
  options: TestAppOptions = {},
): Promise<Instance> => {
  const lines: string[] = []
  const log = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  const app = await testApp(t, { databaseUrl, log: pino({ level: 'info' }, log), ...options })
  let turn: Json
  const turnId = async () => {
    turn ??= await app.chat('before').catch(() => undefined)
    return turn?.turn_id ?? '01a2006f-8262-700b-aef9-06cceb55a392'
  }
  await turnId()

  const ask = async (kind: Kind, method: string, path: string, body?: object) => {
    const start = performance.now()
    const stream = kind === 'as a stream'
    const answer = await app.call(method, path, {
      ...(body && { body }),
      ...(stream && { headers: { accept: 'text/event-stream' } }),
    })
    if (stream && answer.status === 200 && !answer.text.includes('[DONE]')) t.fail('the stream was cut')
    return { kind, text: inShort(t, answer), ms: performance.now() - start }
  }
  return {
    ...app,
    logged: () => lines.join(''),
    async observe() {
      const turnPath = `/api/alice/turns/${await turnId()}`
      const asked = await Promise.all([
        ask('createTurn', 'POST', '/api/alice/chat', { message: 'hello' }),
        ask('as a stream', 'POST', '/api/alice/chat', { message: 'hello' }),
        ask('listConversations', 'GET', '/api/alice/conversations'),
        ask('getTurn', 'GET', turnPath),
        ask('cancelTurn', 'POST', `${turnPath}/cancel`),
        ask('ready', 'GET', '/health/ready'),
      ])
      return {
        answers: Object.fromEntries(asked.map(({ kind, text }) => [kind, text])) as Record<Kind, string>,
        slowestMs: Math.max(...asked.map(({ ms }) => ms)),
        readyMs: asked.find(({ kind }) => kind === 'ready')?.ms ?? 0,
      }
    },
  }
}
