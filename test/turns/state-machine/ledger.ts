import { deepStrictEqual } from 'node:assert'
import { emptyAnswer } from '../../../src/turns/events.js'
import type { EndStatus } from '../../../src/turns/types.js'
import type { Choice } from './bursts.js'
import type { Engine } from './engine.js'
import { faultsOf } from './invariants.js'
import type { Attempt, BeginAnswer } from './model.js'
import { inWords, newRequest, type Request, reserved, short, unstorable } from './requests.js'
import type { Stored } from './stored.js'

type Begun = Extract<BeginAnswer, { outcome: 'begun' }>
const nameOf = ({ turnId, attempt }: Attempt): string => `${turnId}/${attempt}`

/** What has been said and answered so far, and what of it cannot be. */
export const createLedger = (engine: Engine) => {
  const story: string[] = []
  let begins = 0
  let faults: string[] = []
  let begun: Begun[] = []
  /** attempts whose leases another instance renews in this burst */
  let renewed: Attempt[] = []
  /** the turn of each key, and how each attempt ended, as they were acknowledged */
  const turnOfKey = new Map<string, string>()
  const ends = new Map<string, EndStatus>()
  const told = (words: string, answer: unknown) => void story.push(short(`${words}: ${inWords(answer)}`))

  const judge = (stored: Stored): void => {
    faults.push(...faultsOf(stored))
    for (const { turn_id, attempt, conversation_id } of begun) {
      // No attempt that begins in a burst ends in it, and its lease is new: one can begin in a conversation.
      const other = begun.find((it) => it.conversation_id === conversation_id && it.turn_id !== turn_id)
      if (other) faults.push(`${turn_id} and ${other.turn_id} have begun at once`)
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
    for (const mine of renewed) {
      const turn = stored.turns.find(({ id }) => id === mine.turnId)
      const isInterrupted = turn?.attempt === mine.attempt && turn.status === 'interrupted'
      if (isInterrupted && !ends.has(nameOf(mine)))
        faults.push(`${nameOf(mine)} was interrupted, and its lease holds`)
    }
  }

  return {
    told,
    fault: (words: string) => void faults.push(words),
    renews: (mine: Attempt) => void renewed.push(mine),
    request(userId: string, into?: string, name?: string, isUnstorable = false): Request {
      begins += 1
      const message = isUnstorable ? unstorable : 'hi'
      const request = newRequest(begins, {
        userId,
        into,
        message,
        key: name && `${name} of ${into}`,
        isUnlimited: true,
      })
      // All share the row of their budget; it is never spent.
      return begins % 2 === 0
        ? { ...request, reserved, totalBudget: { perDay: 1e9, perMonth: 1e9 } }
        : request
    },
    async begin(request: Request, instance: number): Promise<void> {
      const { turnId, key, message } = request
      const answer = await engine.begin(request, instance)
      told(`begin ${turnId}${key ? `, key ${key}` : ''}`, answer)
      const isRight =
        message === unstorable
          ? answer.outcome === 'unstorable'
          : !/refused|mismatch|locked|unstorable/.test(answer.outcome)
      if (!isRight) faults.push(`a begin is ${answer.outcome}`)
      if (answer.outcome === 'begun') begun.push(answer)
      if (key && 'turn_id' in answer && answer.outcome !== 'busy') {
        const known = turnOfKey.get(key) ?? answer.turn_id
        if (known !== answer.turn_id) faults.push(`key ${key} has made ${known} and ${answer.turn_id}`)
        turnOfKey.set(key, answer.turn_id)
      }
    },
    async end(
      mine: Attempt,
      { status, instance, isUnstorable }: Extract<Choice, { do: 'end' }>,
    ): Promise<void> {
      const { userId, turnId, attempt, model } = mine
      const answer = { ...emptyAnswer(), text: isUnstorable ? unstorable : '' }
      const rest = {
        cost: null,
        errorCode: null,
        windowTokens: 1,
        historyCalls: null,
        continuation: null,
        windowSize: 100,
        windowStart: null,
        hasEvents: true,
      }
      const { outcome } = await engine.end(
        { userId, turnId, attempt, model, status, answer, ...rest },
        instance,
      )
      const name = nameOf(mine)
      told(`end ${name} as ${status}`, outcome)
      if (outcome === 'locked' || (outcome === 'unstorable') !== isUnstorable)
        faults.push(`the end of ${name} is ${outcome}`)
      if (outcome !== 'stored') return
      const known = ends.get(name) ?? status
      if (known !== status) faults.push(`${name} ended as ${known} and as ${status}`)
      ends.set(name, status)
    },
    /** Closes a burst; throws, with the story so far, when something is wrong. */
    close(stored: Stored): void {
      if (engine.newDeadlocks() > 0) faults.push('a deadlock')
      story.push('.')
      judge(stored)
      try {
        deepStrictEqual([...new Set(faults)], [], 'the calls contradict each other')
      } catch (error) {
        throw new Error(`${story.join('\n')}\n${short(String(error))}`, { cause: error })
      }
      faults = []
      begun = []
      renewed = []
    },
  }
}

export type Ledger = ReturnType<typeof createLedger>
