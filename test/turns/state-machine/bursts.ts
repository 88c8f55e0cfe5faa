import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { emptyAnswer } from '../../../src/turns/events.js'
import type { BeginTurn } from '../../../src/turns/store/begin-turns.js'
import type { EndStatus } from '../../../src/turns/store/end-turns.js'
import type { Engine } from './engine.js'
import { faultsOf } from './invariants.js'
import { type Answer, type Attempt, startOfTime } from './model.js'
import { inWords, limits, newRequest, short } from './requests.js'

/** Calls that leave at once, about one conversation. Which comes first is PostgreSQL's to say; what must hold is not. */

type Choice =
  | { do: 'begin'; key: string | undefined; twice: boolean }
  | { do: 'complete'; status: EndStatus }
  | { do: 'cancel' | 'tick' | 'delete' }

export interface Burst {
  calls: Choice[]
  /** whether the lease of the turn that runs by then, runs out */
  isLeaseOver: boolean
}

const choice = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('begin' as const),
      key: fc.constantFrom(undefined, 'k1', 'k2'),
      twice: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('complete' as const),
      status: fc.constantFrom<EndStatus[]>('failed', 'completed', 'cancelled', 'interrupted'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'tick' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.integer({ min: 1, max: 6 }).map((n) => (n === 6 ? ('delete' as const) : ('cancel' as const))),
    }),
  },
)

export const bursts = fc.array(
  fc.record({
    calls: fc.array(choice, { minLength: 2, maxLength: 6, size: 'max' }),
    isLeaseOver: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8, size: 'max' },
)

const unique = <T>(list: T[]): T[] => [...new Set(list)]

/** Runs the bursts one after the other; throws, with the story so far, as soon as something is wrong. */
export const runBursts = async (engine: Engine, list: Burst[]): Promise<void> => {
  const userId = 'alice'
  const story: string[] = []
  let begins = 0
  let now = startOfTime
  let running: Attempt | undefined
  let conversationId: string | undefined
  /** the turn of each key, and how each attempt ended, as they were acknowledged */
  const turnOfKey = new Map<string, string>()
  const ends = new Map<string, EndStatus>()

  const nextRequest = (name?: string) => {
    begins += 1
    const key = name && `${name} of ${conversationId}`
    return newRequest(begins, { userId, into: conversationId, message: 'hi', key })
  }

  for (const { calls, isLeaseOver } of list) {
    await engine.setClock(now)
    if (!conversationId) {
      const first = await engine.begin(nextRequest())
      if (first.outcome !== 'begun') throw new Error(`a new conversation is ${first.outcome}`)
      conversationId = first.conversation_id
      running = { userId, conversationId, turnId: first.turn_id, attempt: first.attempt }
    }
    const mine: Attempt = running ?? { userId, conversationId, turnId: '', attempt: 0 }
    const faults: string[] = []
    const begun = new Map<string, Extract<Answer, { outcome: 'begun' }>>()
    const told = (words: string, answer: unknown) => void story.push(short(`${words}: ${inWords(answer)}`))

    const begin = async (request: BeginTurn): Promise<void> => {
      const { turnId, key } = request
      const answer = await engine.begin(request)
      told(`begin ${turnId}${key ? `, key ${key}` : ''}`, answer)
      if (answer.outcome === 'refused' || answer.outcome === 'mismatch')
        faults.push(`a begin is ${answer.outcome}`)
      if (answer.outcome === 'begun') begun.set(turnId, answer)
      if (key && 'turn_id' in answer && answer.outcome !== 'busy') {
        const known = turnOfKey.get(key) ?? answer.turn_id
        if (known !== answer.turn_id) faults.push(`key ${key} has made ${known} and ${answer.turn_id}`)
        turnOfKey.set(key, answer.turn_id)
      }
    }
    const complete = async (status: EndStatus): Promise<void> => {
      const answer = await engine.complete({ ...mine, status, answer: emptyAnswer(), error: null })
      told(`complete ${mine.turnId}/${mine.attempt} as ${status}`, answer)
      if (answer !== 'stored') return
      const name = `${mine.turnId}/${mine.attempt}`
      const known = ends.get(name) ?? status
      if (known !== status) faults.push(`${name} ended as ${known} and as ${status}`)
      ends.set(name, status)
    }
    const asked = calls.flatMap((call): Promise<void>[] => {
      switch (call.do) {
        case 'begin': {
          const request = nextRequest(call.key)
          return [begin(request), ...(call.twice ? [begin(request)] : [])]
        }
        case 'complete':
          return running ? [complete(call.status)] : []
        case 'cancel':
          return running ? [engine.cancel(userId, mine.turnId).then((answer) => told('cancel', answer))] : []
        case 'tick':
          return running ? [engine.tick([mine], []).then((answer) => told('tick', answer))] : []
        default:
          return [engine.deleteConversation(userId, mine.conversationId).then((is) => told('delete', is))]
      }
    })
    const settled = await Promise.allSettled(asked)
    for (const result of settled) if (result.status === 'rejected') faults.push(String(result.reason))
    story.push('.')

    const stored = await engine.stored()
    faults.push(...faultsOf(stored))
    // No attempt that begins in a burst ends in it, and its lease is new: one can begin.
    if (begun.size > 1) faults.push(`${[...begun.keys()].join(' and ')} have begun at once`)
    const isThere = stored.conversations.length > 0
    for (const { turn_id, attempt } of begun.values()) {
      const turn = stored.turns.find(({ id }) => id === turn_id)
      if (isThere && turn?.attempt !== attempt)
        faults.push(`${turn_id}/${attempt} was begun, but is not stored`)
    }
    for (const [name, status] of ends) {
      const turn = stored.turns.find(({ id }) => name.startsWith(id))
      if (!turn) continue
      const isTriedAgain = name !== `${turn.id}/${turn.attempt}`
      const isRight = isTriedAgain ? status === 'failed' || status === 'interrupted' : turn.status === status
      if (!isRight) faults.push(`${name} was stored as ${status}, and is ${turn.status}`)
    }
    try {
      deepStrictEqual(unique(faults), [], 'the calls contradict each other')
    } catch (error) {
      throw new Error(`${story.join('\n')}\n${short(String(error))}`, { cause: error })
    }

    const row = stored.turns.find(({ status }) => status === 'running')
    running = row && { userId, conversationId, turnId: row.id, attempt: row.attempt }
    if (!isThere) conversationId = undefined
    now += isLeaseOver ? limits.leaseMs + 1 : 1
  }
}
