import { setTimeout as sleep } from 'node:timers/promises'
import { type Burst, type Choice, owners } from './bursts.js'
import type { Engine } from './engine.js'
import { createLedger, type Ledger } from './ledger.js'
import { hold } from './locks.js'
import { type Attempt, startOfTime } from './model.js'
import { limits } from './requests.js'
import type { Stored } from './stored.js'

/** A conversation, and what was acknowledged of it. */
interface Place {
  userId: string
  conversationId: string
  running: Attempt | undefined
}

/** For so long a call may take that has nobody to wait for. */
const promptMs = 5_000
/** Past it an instance has others wait until those that wait already have been answered. */
const mayWait = 3

/** A new conversation with a turn that runs. */
const open = async (engine: Engine, { request }: Ledger, userId: string): Promise<Place> => {
  const first = await engine.begin(request(userId))
  if (first.outcome !== 'begun') throw new Error(`a new conversation is ${first.outcome}`)
  const { conversation_id: conversationId, turn_id: turnId, attempt, model } = first
  const running = { userId, conversationId, turnId, attempt, model, message: 'hi' }
  return { userId, conversationId, running }
}

/** What a choice comes to now. */
const callsOf = (engine: Engine, ledger: Ledger, choice: Choice, place: Place): Promise<void>[] => {
  const { userId, conversationId, running } = place
  const { told } = ledger
  switch (choice.do) {
    case 'begin': {
      const request = ledger.request(userId, conversationId, choice.key, choice.isUnstorable)
      const once = () => ledger.begin(request, choice.instance)
      return [once(), ...(choice.twice ? [once()] : [])]
    }
    case 'delete':
      return [engine.deleteConversation(userId, conversationId).then((is) => told('delete', is))]
  }
  if (!running) return []
  const { turnId } = running
  switch (choice.do) {
    case 'end': {
      const once = () => ledger.end(running, choice)
      return [once(), ...(choice.twice ? [once()] : [])]
    }
    case 'cancel':
      return [engine.cancel(userId, turnId).then((answer) => told('cancel', answer))]
    case 'interrupt':
      return [engine.interrupt(userId, turnId).then(() => told('interrupt', turnId))]
    default:
      return [engine.tick([running], [], []).then((answer) => told('tick', answer))]
  }
}

/** What is stored of a place by now; undefined when it was deleted. */
const placeIn = ({ conversations, turns }: Stored, { userId, conversationId }: Place): Place | undefined => {
  if (!conversations.some(({ id }) => id === conversationId)) return undefined
  const row = turns.find((it) => it.conversation_id === conversationId && it.status === 'running')
  if (!row) return { userId, conversationId, running: undefined }
  const { id: turnId, attempt, model } = row
  return {
    userId,
    conversationId,
    running: { userId, conversationId, turnId, attempt, model, message: 'hi' },
  }
}

/** Begins in other conversations than the first, which have to be answered while that one is held. */
const promptOf = ({ calls, held }: Burst): boolean[] => {
  const waiting = calls
    .filter((it) => it.place === 0 && (it.do === 'begin' || it.do === 'delete'))
    .flatMap((it) => (it.do === 'begin' && it.twice ? [it, it] : [it]))
  return calls.map(
    (it) => held === 'conversation' && waiting.length <= mayWait && it.place !== 0 && it.do === 'begin',
  )
}

/** Runs the bursts one after the other; throws, with the story so far, as soon as something is wrong. */
export const runBursts = async (engine: Engine, list: Burst[]): Promise<void> => {
  const ledger = createLedger(engine)
  let now = startOfTime
  let places: (Place | undefined)[] = owners.map(() => undefined)

  for (const burst of list) {
    await engine.setClock(now)
    const here: Place[] = []
    for (const [n, userId] of owners.entries()) {
      const known = places[n]
      // So that there is something to end.
      const isIdle = burst.held === 'usage' && !known?.running
      here.push(known && !isIdle ? known : await open(engine, ledger, userId))
    }
    const release = await hold(engine, ledger, burst.held, here[0] as Place)
    const calls = burst.calls.map((choice) =>
      Promise.allSettled(callsOf(engine, ledger, choice, here[choice.place] as Place)),
    )
    const prompt = promptOf(burst)
    const answered = Promise.all(calls.filter((_, n) => prompt[n])).then(() => true)
    const late = new AbortController()
    const isLate = sleep(promptMs, false, { signal: late.signal })
    isLate.catch(() => {})
    if (!(await Promise.race([answered, isLate]))) ledger.fault('a begin waits for another conversation')
    late.abort()
    if (burst.held !== 'nothing') await engine.untilAllWait()
    await release()
    for (const result of (await Promise.all(calls)).flat())
      if (result.status === 'rejected') ledger.fault(String(result.reason))

    const stored = await engine.stored()
    ledger.close(stored)
    places = here.map((place) => placeIn(stored, place))
    now += burst.isLeaseOver ? limits.leaseMs + 1 : 1
  }
}
