import { request } from 'node:http'
import { createParser } from 'eventsource-parser'
import type { StreamEvent } from '../../src/turns/stream/ui-message-stream.js'
import { latencyOf } from './load.js'
import { nowMicros, type Speech } from './speech.js'
import { type Call, callsOf } from './user.js'

/** A request that begins a turn in a new conversation and accepts its stream. */
export const speechOf = async (user: string, speech: Speech): Promise<Call> => {
  const call = (await callsOf(user)).chat()
  return {
    ...call,
    headers: { ...call.headers, accept: 'text/event-stream' },
    body: JSON.stringify({ message: JSON.stringify(speech) }),
  }
}

interface ListenOptions {
  url: string
  call: Call
  signal: AbortSignal
  /** the id of the last known frame */
  after?: string | undefined
  /** undefined: the final `[DONE]` */
  onEvent?: (event: StreamEvent | undefined) => void
}

/** What a listener received. Times are in microseconds, from the clock that all processes share. */
export interface Heard {
  askedAt: number
  /** when the first event arrived */
  firstAt: number
  events: number
  words: number
  /** the latency of each stamped word that was said after the response began */
  micros: number[]
}

interface Listening {
  /** rejects when an event is missing, repeated or out of order */
  heard: Promise<Heard>
  /** resolves with the first event */
  first: Promise<Heard>
  leave(): void
}

/** Reads a stream and checks that it is complete: the numbers of events and words are consecutive. */
export const listen = ({ url, call, signal, after, onEvent = () => {} }: ListenOptions): Listening => {
  const heard: Heard = { askedAt: nowMicros(), firstAt: 0, events: 0, words: 0, micros: [] }
  const headers = { ...call.headers, ...(after && { 'last-event-id': after }) }
  const outgoing = request(`${url}${call.path}`, { method: call.method, headers, signal, agent: false })
  let respondedAt = 0
  let next = after ? Number(after.split('-')[1]) + 1 : 1
  let last: StreamEvent | undefined
  let isDone = false

  const hear = (event: StreamEvent | undefined, at: number): void => {
    if (event?.type === 'text-delta') {
      for (const [, word, said] of event.delta.matchAll(/(\d+)@(\d+) /g)) {
        if (!after && Number(word) !== heard.words + 1) {
          throw new Error(`the word ${word} came after ${heard.words}`)
        }
        heard.words = Number(word)
        if (Number(said) > respondedAt) heard.micros.push(at - Number(said))
      }
    }
    isDone = event === undefined
    if (event) last = event
    onEvent(event)
  }

  let resolveFirst: (heard: Heard) => void
  let rejectFirst: (error: unknown) => void
  const first = new Promise<Heard>((resolve, reject) => {
    resolveFirst = resolve
    rejectFirst = reject
  })
  first.catch(() => {})

  const whole = new Promise<Heard>((resolve, reject) => {
    const fail = (error: unknown) => {
      rejectFirst(error)
      reject(error)
      outgoing.destroy()
    }
    outgoing.on('error', fail)
    outgoing.on('response', (response) => {
      respondedAt = nowMicros()
      if (response.statusCode !== 200) return fail(new Error(`a stream answered ${response.statusCode}`))
      const parser = createParser({
        onEvent: ({ id = '', data }) => {
          const at = nowMicros()
          heard.events += 1
          if (heard.events === 1) {
            heard.firstAt = at
            resolveFirst(heard)
          }
          try {
            if (Number(id.split('-')[1]) !== next)
              throw new Error(`the event ${id} came where ${next} was due`)
            next += 1
            hear(data === '[DONE]' ? undefined : JSON.parse(data), at)
          } catch (error) {
            fail(error)
          }
        },
      })
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => parser.feed(chunk))
      response.on('error', fail)
      response.on('close', () => {
        if (isDone && last?.type === 'finish') resolve(heard)
        else fail(new Error(`a stream ended with ${JSON.stringify(last)} after ${heard.events} events`))
      })
    })
  })
  whole.catch(() => {})
  outgoing.end(call.body)
  return { heard: whole, first, leave: () => outgoing.destroy() }
}

/** Milliseconds from the request to the first event. */
export const firstEvent = (heard: Heard[]) =>
  latencyOf(heard.map(({ askedAt, firstAt }) => firstAt - askedAt))
