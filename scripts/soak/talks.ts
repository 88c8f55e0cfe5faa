import { createHistogram } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { callsOf } from '../bench/user.js'
import { type Heard, type Reply, request, requestStream } from './client.js'
import { answerTo } from './provider.js'

interface User {
  id: string
  token: string
}

/** A conversation, and what its client knows of it: the messages are made from its number and theirs, so nothing grows. */
export interface Talk {
  number: number
  user: User
  model: string
  /** how many turns it has before it is ended */
  goal: number
  /** how many were acknowledged */
  said: number
  id?: string
}

export interface Counts {
  turns: number
  json: number
  streams: number
  /** streams that were cut and read on at another instance */
  resumed: number
  /** messages that were sent twice at the same time, with one key */
  duplicates: number
  /** requests without a whole answer */
  cut: number
  /** requests that were refused for a while: busy, interrupted, unavailable */
  repeated: number
  begun: number
  deleted: number
  expired: number
}

const nothing: Counts = {
  ...{ turns: 0, json: 0, streams: 0, resumed: 0, duplicates: 0, cut: 0, repeated: 0 },
  ...{ begun: 0, deleted: 0, expired: 0 },
}

interface TalksOptions {
  urls(): string[]
  users: number
  models: string[]
  /** after which a request that is still not answered is lost */
  lostMs: number
  /** of those that are ended, the share that expire; the others are deleted */
  expiring: number
  /** hears of a broken rule at once */
  onViolation?: (text: string) => void
}

const mostTurns = 15
const expiryMs = 2_000
const streamShare = 0.5
const duplicateShare = 0.05
const filler = 'what is left to do today, and who does it? '.repeat(4)
/** A client waits before it tries again. */
const retryMs = 200
const mostViolations = 20
/** What says: not yet, or not here; 408 of a server or client that had no processor for a while. */
const passing = new Set([0, 408, 409, 429, 502, 503, 504])

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T
const messageOf = ({ number }: Talk, n: number): string => `${number}.${n} ${filler}`

/**
 * Conversations of many users, and the rules that each is held to: what was acknowledged is there, each of it once, in its order and
 * with its answer; a message with a key is one turn, however often it is sent; what was deleted is gone.
 */
export const createTalks = async ({
  urls,
  users,
  models,
  lostMs,
  expiring,
  onViolation = () => {},
}: TalksOptions) => {
  const everybody: User[] = await Promise.all(
    Array.from({ length: users }, async (_, n) => {
      const id = `soak-${n}`
      const { headers } = (await callsOf(id)).get('')
      return { id, token: (headers.authorization ?? '').replace('Bearer ', '') }
    }),
  )
  const counts: Counts = { ...nothing }
  const violations: string[] = []
  const times = createHistogram()
  const violate = (text: string): void => {
    if (violations.length >= mostViolations) return
    violations.push(text)
    onViolation(text)
  }
  let talks = 0

  /** Asks any instance until one answers for good. */
  const insist = async (what: string, ask: (url: string) => Promise<Reply>): Promise<Reply> => {
    const start = performance.now()
    for (;;) {
      const reply = await ask(pick(urls()))
      if (!passing.has(reply.status)) return reply
      if (reply.status === 0) counts.cut += 1
      else counts.repeated += 1
      if (performance.now() - start > lostMs) {
        violate(`${what}: no answer in ${lostMs} ms, the last one ${JSON.stringify(reply)}`)
        return reply
      }
      await sleep(retryMs * (0.5 + Math.random()))
    }
  }

  const send = (talk: Talk, key: string, message: string, isStream: boolean): Promise<Reply> => {
    const body = { message, model: talk.model, ...(talk.id && { conversation_id: talk.id }) }
    let heard: Heard = { text: '' }
    return insist(key, async (url) => {
      if (!isStream) return request(`${url}/api/${talk.user.id}/chat`, talk.user.token, 'POST', body, key)
      // Whoever has read a part goes on with it; a new attempt begins with the message again.
      const isResumed = heard.turnId !== undefined && heard.end === undefined
      if (!isResumed) heard = { text: '' }
      const path = `/api/${talk.user.id}/${isResumed ? `turns/${heard.turnId}/stream` : 'chat'}`
      const headers = { 'content-type': 'application/json', 'idempotency-key': key }
      const init = isResumed ? {} : { method: 'POST', headers, body: JSON.stringify(body) }
      const reply = await requestStream(`${url}${path}`, talk.user.token, heard, init)
      if (isResumed && reply.status === 200) counts.resumed += 1
      if (reply.status !== 200) return reply
      if (heard.end === 'error') return { status: 503, body: { code: 'the stream ended with an error' } }
      const { text: response, turnId: turn_id, conversationId: conversation_id } = heard
      return { status: 200, body: { response, turn_id, conversation_id } }
    })
  }

  return {
    counts,
    violations,
    /** Forgets what was counted so far, but for violations. */
    startAnew(): void {
      Object.assign(counts, nothing)
      times.reset()
    },
    violate,
    /** milliseconds that turns took, until they were acknowledged */
    times,
    open(): Talk {
      talks += 1
      counts.begun += 1
      const goal = 1 + Math.floor(Math.random() * mostTurns)
      return { number: talks, user: pick(everybody), model: pick(models), goal, said: 0 }
    },
    /** Sends the next message until it is acknowledged. */
    async say(talk: Talk): Promise<void> {
      const message = messageOf(talk, talk.said + 1)
      const key = `${talk.number}.${talk.said + 1}`
      const copies = Math.random() < duplicateShare ? 2 : 1
      const start = performance.now()
      const isStream = Math.random() < streamShare
      const replies = await Promise.all(
        Array.from({ length: copies }, (_, copy) => send(talk, key, message, (copy === 0) === isStream)),
      )
      times.record(Math.max(1, Math.round(performance.now() - start)))
      const [{ body: first }] = replies as [Reply]
      for (const { status, body } of replies) {
        if (status !== 200) violate(`message ${key} was answered with ${status} ${JSON.stringify(body)}`)
        else if (body.response !== answerTo(message))
          violate(`message ${key} was answered with "${body.response}"`)
        else if (body.turn_id !== first.turn_id)
          violate(`message ${key} became two turns: ${body.turn_id} and ${first.turn_id}`)
        else if (talk.id && body.conversation_id !== talk.id)
          violate(`message ${key} went to the conversation ${body.conversation_id}, not ${talk.id}`)
      }
      talk.id ??= first.conversation_id
      talk.said += 1
      counts.turns += 1
      counts[isStream ? 'streams' : 'json'] += 1
      if (copies > 1) counts.duplicates += 1
    },
    /** Reads all of it, on any instance. */
    async check(talk: Talk): Promise<void> {
      const path = `/api/${talk.user.id}/conversations/${talk.id}/messages?limit=100`
      const { status, body } = await insist(`reading ${talk.id}`, (url) =>
        request(`${url}${path}`, talk.user.token),
      )
      const expected = Array.from({ length: 2 * talk.said }, (_, n) => {
        const message = messageOf(talk, Math.floor(n / 2) + 1)
        return n % 2 === 0
          ? `${n + 1} user: ${message}`
          : `${n + 1} assistant completed: ${answerTo(message)}`
      })
      const found: string[] = (body.data ?? []).map(
        ({ position, role, status, content }: { [name: string]: string }) =>
          `${position} ${role}${role === 'user' ? '' : ` ${status}`}: ${content}`,
      )
      const wrong = expected.findIndex((line, n) => found[n] !== line)
      if (status !== 200 || wrong >= 0 || found.length !== expected.length)
        violate(
          `conversation ${talk.id} (${status}): ${found.length} messages in place of ${expected.length}; ` +
            `expected "${expected[wrong]}", found "${found[wrong]}"`,
        )
    },
    /** Deletes it, or has it expire. */
    async end(talk: Talk): Promise<void> {
      const { user, id } = talk
      const ask = (method: string, body?: object) =>
        insist(`${method} ${id}`, (url) =>
          request(`${url}/api/${user.id}/conversations/${id}`, user.token, method, body),
        )
      if (Math.random() >= expiring) {
        const { status } = await ask('DELETE')
        // One that was cut may have done it.
        if (status !== 204 && status !== 404) violate(`deleting ${id} was answered with ${status}`)
        const gone = await ask('GET')
        if (gone.status !== 404) violate(`${id} was deleted, and is read with ${gone.status}`)
        counts.deleted += 1
      } else {
        const expires_at = new Date(Date.now() + expiryMs).toISOString()
        const { status } = await ask('PATCH', { expires_at })
        if (status !== 200 && status !== 404) violate(`the expiry of ${id} was answered with ${status}`)
        counts.expired += 1
      }
    },
  }
}

export type Talks = Awaited<ReturnType<typeof createTalks>>
