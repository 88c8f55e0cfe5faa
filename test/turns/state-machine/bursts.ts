import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { emptyAnswer } from '../../../src/turns/events.js'
import type { EndStatus } from '../../../src/turns/types.js'
import type { Engine } from './engine.js'
import { faultsOf } from './invariants.js'
import { type Attempt, type BeginAnswer, startOfTime } from './model.js'
import { inWords, limits, newRequest, type Request, short, unstorable } from './requests.js'

/**
 * Calls that leave at once, on two instances, about a few conversations of two users. What of them comes together in a
 * batch, and what first, is up to the instances and PostgreSQL; what must hold is not.
 */

type Choice = { place: number; instance: number } & (
  | { do: 'begin'; key: string | undefined; twice: boolean; isUnstorable: boolean }
  | { do: 'end'; status: EndStatus; twice: boolean }
  | { do: 'cancel' | 'tick' | 'interrupt' | 'delete' | 'hold-turn' | 'hold-conversation' }
)

export interface Burst {
  calls: Choice[]
  /** whether the leases of the turns that run by then, run out */
  isLeaseOver: boolean
}

/** The first conversation is where most happens. */
const users = ['alice', 'alice', 'bob'] as const
const where = { place: fc.constantFrom(0, 0, 0, 1, 2), instance: fc.nat(1) }

const choice: fc.Arbitrary<Choice> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...where,
      do: fc.constant('begin' as const),
      key: fc.constantFrom(undefined, 'k1', 'k2'),
      twice: fc.boolean(),
      isUnstorable: fc.integer({ min: 1, max: 20 }).map((n) => n === 20),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...where,
      do: fc.constant('end' as const),
      status: fc.constantFrom<EndStatus[]>('failed', 'completed', 'cancelled', 'interrupted'),
      twice: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...where,
      do: fc.constantFrom('cancel', 'tick', 'interrupt', 'hold-turn', 'hold-conversation'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...where,
      do: fc.integer({ min: 1, max: 6 }).map((n) => (n === 6 ? ('delete' as const) : ('cancel' as const))),
    }),
  },
)

export const bursts = fc.array(
  fc.record({
    calls: fc.array(choice, { minLength: 2, maxLength: 10, size: 'max' }),
    isLeaseOver: fc.boolean(),
  }),
  { minLength: 1, maxLength: 8, size: 'max' },
)

const unique = <T>(list: T[]): T[] => [...new Set(list)]
const holdMs = 3

/** A conversation, and what was acknowledged of it. */
interface Place {
  userId: string
  conversationId: string
  running: Attempt | undefined
}

/** Runs the bursts one after the other; throws, with the story so far, as soon as something is wrong. */
export const runBursts = async (engine: Engine, list: Burst[]): Promise<void> => {
  const story: string[] = []
  let begins = 0
  let now = startOfTime
  const places: (Place | undefined)[] = users.map(() => undefined)
  /** the turn of each key, and how each attempt ended, as they were acknowledged */
  const turnOfKey = new Map<string, string>()
  const ends = new Map<string, EndStatus>()

  const nextRequest = (userId: string, into?: string, name?: string, isUnstorable = false) => {
    begins += 1
    const message = isUnstorable ? unstorable : 'hi'
    return newRequest(begins, { userId, into, message, key: name && `${name} of ${into}` })
  }
  const open = async (userId: string): Promise<Place> => {
    const first = await engine.begin(nextRequest(userId))
    if (first.outcome !== 'begun') throw new Error(`a new conversation is ${first.outcome}`)
    const { conversation_id: conversationId, turn_id: turnId, attempt, model } = first
    return {
      userId,
      conversationId,
      running: { userId, conversationId, turnId, attempt, model, message: 'hi' },
    }
  }

  for (const { calls, isLeaseOver } of list) {
    await engine.setClock(now)
    for (const [n, userId] of users.entries()) places[n] ??= await open(userId)
    const faults: string[] = []
    const begun = new Map<string, Extract<BeginAnswer, { outcome: 'begun' }>>()
    const told = (words: string, answer: unknown) => void story.push(short(`${words}: ${inWords(answer)}`))

    const begin = async (request: Request, instance: number): Promise<void> => {
      const { turnId, key } = request
      const answer = await engine.begin(request, instance)
      told(`begin ${turnId}${key ? `, key ${key}` : ''}`, answer)
      const isUnstorable = request.message === unstorable
      const isRight = isUnstorable
        ? answer.outcome === 'unstorable'
        : !/refused|mismatch|locked|unstorable/.test(answer.outcome)
      if (!isRight) faults.push(`a begin is ${answer.outcome}`)
      if (answer.outcome === 'begun') begun.set(turnId, answer)
      if (key && 'turn_id' in answer && answer.outcome !== 'busy') {
        const known = turnOfKey.get(key) ?? answer.turn_id
        if (known !== answer.turn_id) faults.push(`key ${key} has made ${known} and ${answer.turn_id}`)
        turnOfKey.set(key, answer.turn_id)
      }
    }
    const end = async (mine: Attempt, status: EndStatus, instance: number): Promise<void> => {
      const { userId, turnId, attempt, model } = mine
      const rest = { errorCode: null, windowTokens: 1, historyCalls: null, hasEvents: true }
      const turn = { userId, turnId, attempt, model, status, answer: emptyAnswer(), ...rest }
      const { outcome } = await engine.end(turn, instance)
      const name = `${turnId}/${attempt}`
      told(`end ${name} as ${status}`, outcome)
      if (outcome === 'locked') faults.push(`the end of ${name} is locked`)
      if (outcome !== 'stored') return
      const known = ends.get(name) ?? status
      if (known !== status) faults.push(`${name} ended as ${known} and as ${status}`)
      ends.set(name, status)
    }
    const call = (choice: Choice): Promise<void>[] => {
      const { userId, conversationId, running } = places[choice.place] as Place
      const { instance } = choice
      switch (choice.do) {
        case 'begin': {
          const request = nextRequest(userId, conversationId, choice.key, choice.isUnstorable)
          return [begin(request, instance), ...(choice.twice ? [begin(request, instance)] : [])]
        }
        case 'delete':
          return [engine.deleteConversation(userId, conversationId).then((is) => told('delete', is))]
        case 'hold-conversation':
          return [engine.hold('conversations', conversationId, holdMs)]
      }
      if (!running) return []
      switch (choice.do) {
        case 'end': {
          const once = () => end(running, choice.status, instance)
          return [once(), ...(choice.twice ? [once()] : [])]
        }
        case 'cancel':
          return [engine.cancel(userId, running.turnId).then((answer) => told('cancel', answer))]
        case 'interrupt':
          return [engine.interrupt(userId, running.turnId).then(() => told('interrupt', running.turnId))]
        case 'tick':
          return [engine.tick([running], [], []).then((answer) => told('tick', answer))]
        default:
          return [engine.hold('turns', running.turnId, holdMs)]
      }
    }
    const settled = await Promise.allSettled(calls.flatMap(call))
    for (const result of settled) if (result.status === 'rejected') faults.push(String(result.reason))
    if (engine.newDeadlocks() > 0) faults.push('a deadlock')
    story.push('.')

    const stored = await engine.stored()
    faults.push(...faultsOf(stored))
    for (const { turn_id, attempt, conversation_id } of begun.values()) {
      // No attempt that begins in a burst ends in it, and its lease is new: one can begin in a conversation.
      const others = [...begun.values()].filter(
        (it) => it.conversation_id === conversation_id && it.turn_id !== turn_id,
      )
      if (others.length > 0) faults.push(`${turn_id} and ${others[0]?.turn_id} have begun at once`)
      const isThere = stored.conversations.some(({ id }) => id === conversation_id)
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

    for (const [n, place] of places.entries()) {
      if (!place) continue
      const { userId, conversationId } = place
      const row = stored.turns.find((it) => it.conversation_id === conversationId && it.status === 'running')
      place.running = row && {
        ...{ userId, conversationId, turnId: row.id, attempt: row.attempt, model: row.model, message: 'hi' },
      }
      if (!stored.conversations.some(({ id }) => id === conversationId)) places[n] = undefined
    }
    now += isLeaseOver ? limits.leaseMs + 1 : 1
  }
}
