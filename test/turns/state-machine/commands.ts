import fc from 'fast-check'
import type { ToolCall } from '../../../src/models/model.js'
import type { BeginTurn } from '../../../src/turns/store/begin-turns.js'
import type { CompleteTurn, TurnError } from '../../../src/turns/store/end-turns.js'
import { type Attempt, day } from './model.js'
import { id, limits, newRequest } from './requests.js'
import { type Actors, type Call, type Real, steps } from './step.js'

const nobodys: Attempt = { userId: 'alice', conversationId: id(0), turnId: id(1), attempt: 1 }

/** Counts from the newest, so that steps tend to be about what has just happened. */
const newest = <T>(list: T[], back: number): T | undefined => list.at(-1 - (back % Math.max(list.length, 1)))
const marked = <T>(list: T[], mask: number): T[] => list.slice(-5).filter((_, i) => mask & (1 << i))

const users = fc.constantFrom('alice', 'alice', 'bob')
const back = fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 5)
const texts = fc.constantFrom('hi', 'a question of forty-two bytes, or about so', 'ça va, 世界?')
/** Now and then somebody tries what is not theirs. */
const isStranger = fc.integer({ min: 1, max: 12 }).map((n) => n === 12)
const actingOn = (owner: string, isStranger: boolean) =>
  isStranger ? (owner === 'bob' ? 'alice' : 'bob') : owner
const keys = fc.constantFrom(undefined, undefined, undefined, undefined, 'k1', 'k2')

const send = ({ model, begins, attempts }: Actors, request: BeginTurn): Call => {
  const { userId, isNewConversation, conversationId, turnId, message, key } = request
  const where = isNewConversation ? `new ${conversationId}` : conversationId
  return {
    words: `begin ${turnId} by ${userId} in ${where}: ${message.slice(0, 5)}${key ? `, key ${key}` : ''}`,
    predict: () => {
      begins.push(request)
      const answer = model.begin(request)
      if (answer.outcome === 'begun') {
        const { conversation_id, turn_id, attempt } = answer
        const known = attempts.some((other) => other.turnId === turn_id && other.attempt === attempt)
        if (!known) attempts.push({ userId, conversationId: conversation_id, turnId: turn_id, attempt })
      }
      return answer
    },
    perform: (engine) => engine.begin(request),
  }
}

const beginNew = steps(fc.record({ userId: users, message: texts, key: keys }), (actors, choice) =>
  send(actors, newRequest(actors.begins.length + 1, { into: undefined, ...choice })),
)

/** In any conversation that ever was, now and then in another user's. */
const beginNext = steps(
  fc.record({ isStranger, back, message: texts, key: keys }),
  (actors, { back, isStranger, ...choice }) => {
    const last = newest(actors.attempts, back)
    if (!last) return undefined
    const userId = actingOn(last.userId, isStranger)
    return send(
      actors,
      newRequest(actors.begins.length + 1, { userId, into: last.conversationId, ...choice }),
    )
  },
)

/** A client that tries again, with the same body or, by mistake, with another one. */
const beginAgain = steps(
  fc.record({ back, other: fc.constantFrom(false, false, false, false, true) }),
  (actors, choice) => {
    const first = newest(
      actors.begins.filter(({ key }) => key !== undefined),
      choice.back,
    )
    if (!first) return undefined
    const { userId, isNewConversation, conversationId, message, key } = first
    const into = isNewConversation ? undefined : conversationId
    return send(
      actors,
      newRequest(actors.begins.length + 1, {
        userId,
        into,
        key,
        message: choice.other ? `${message}!` : message,
      }),
    )
  },
)

/** The engine asks again, since the answer was lost. It does so within seconds, so the key is still remembered. */
const repeatBegin = steps(back, (actors, back) => {
  const lost = newest(actors.begins, back)
  return lost && actors.model.remembers(lost) ? send(actors, lost) : undefined
})

const complete = ({ model, completions }: Actors, completion: CompleteTurn): Call => {
  const { userId, turnId, attempt, status } = completion
  return {
    words: `complete ${turnId}, attempt ${attempt}, by ${userId}: ${status}`,
    predict: () => {
      completions.push(completion)
      return model.complete(completion)
    },
    perform: (engine) => engine.complete(completion),
  }
}

const errors: Record<string, TurnError> = {
  failed: { code: 'model-failed', detail: 'The model failed to answer.' },
  interrupted: { code: 'turn-interrupted', detail: 'The instance that ran the turn was shut down.' },
}

const completeAttempt = steps(
  fc.record({
    back,
    status: fc.constantFrom(
      'completed',
      'completed',
      'completed',
      'completed',
      'failed',
      'cancelled',
      'interrupted',
    ),
    text: fc.constantFrom('', 'an answer', 'an answer of fifty bytes, 世界, or of about so many'),
    isStranger,
  }),
  (actors, { back, status, text, isStranger }) => {
    const mine = newest(actors.attempts, back)
    if (!mine) return undefined
    const isDone = status === 'completed'
    const usage = isDone
      ? { input_tokens: 1, output_tokens: 2, cached_input_tokens: 1, total_tokens: 3 }
      : { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null }
    const clock = { id: 'c1', name: 'clock', arguments: {}, result: '12:00', duration_ms: 7 }
    const calls: Record<string, ToolCall[]> = {
      completed: [clock],
      failed: [
        clock,
        { ...clock, id: 'c2', replayed: true },
        { id: 'c3', name: 'clock', arguments: {}, error: 'no', duration_ms: 7 },
      ],
    }
    const tool_calls = calls[status] ?? []
    return complete(actors, {
      ...mine,
      userId: actingOn(mine.userId, isStranger),
      status,
      answer: { text, tool_calls, usage, finished: isDone },
      error: errors[status] ?? null,
    })
  },
)

const repeatComplete = steps(back, (actors, back) => {
  const lost = newest(actors.completions, back)
  return lost && complete(actors, lost)
})

/** Of any turn that ever was, or of one that never was. */
const cancel = steps(fc.record({ back, isStranger }), ({ model, attempts }, { back, isStranger }) => {
  const { userId, turnId } = newest(attempts, back) ?? nobodys
  const user = actingOn(userId, isStranger)
  return {
    words: `cancel ${turnId} by ${user}`,
    predict: () => model.cancel(user, turnId),
    perform: (engine) => engine.cancel(user, turnId),
  }
})

/** An instance that holds any of the attempts that ever were, whether or not they are over. */
const tick = steps(fc.record({ held: fc.nat(31), followed: fc.nat(31) }), ({ model, attempts }, choice) => {
  const held = marked(attempts, choice.held)
  const followed = marked(attempts, choice.followed)
  if (held.length + followed.length === 0) return undefined
  const names = (list: Attempt[]) => list.map(({ turnId, attempt }) => `${turnId}/${attempt}`).join(' ')
  return {
    words: `tick: runs ${names(held)}, follows ${names(followed)}`,
    predict: () => model.tick(held, followed),
    perform: (engine) => engine.tick(held, followed),
  }
})

const { leaseMs } = limits
/** To both sides of each bound, the one at which a lease is renewed included. */
const spans = [1, leaseMs / 3, leaseMs / 3 + 1, leaseMs, leaseMs + 1, day, day + 1]
const advance = steps(fc.constantFrom(...spans), ({ model }, ms) => ({
  words: `${ms} ms later`,
  predict: () => model.advance(ms),
  async perform(engine) {
    await engine.setClock(model.now())
  },
}))

const prune = steps(fc.integer({ min: 1, max: 2 }), ({ model }, batch) => ({
  words: `prune by ${batch}`,
  predict: () => model.prune(batch),
  perform: (engine) => engine.prune(batch),
}))

/** Mostly an older one, so that some conversations get long. */
const remove = steps(
  fc.record({ back: fc.nat(9), isStranger }),
  ({ model, attempts }, { back, isStranger }) => {
    const found = attempts.at(-1 - back)
    if (!found) return undefined
    const { conversationId } = found
    const user = actingOn(found.userId, isStranger)
    return {
      words: `delete ${conversationId} by ${user}`,
      predict: () => model.deleteConversation(user, conversationId),
      perform: (engine) => engine.deleteConversation(user, conversationId),
    }
  },
)

const read = steps(fc.record({ back, isStranger }), ({ model, attempts }, { back, isStranger }) => {
  const { userId, turnId } = newest(attempts, back) ?? nobodys
  const user = actingOn(userId, isStranger)
  return {
    words: `read ${turnId} by ${user}`,
    predict: () => model.read(user, turnId),
    perform: (engine) => engine.read(user, turnId),
  }
})

/** A kind that is named twice comes twice as often. */
export const commands = fc.commands<Actors, Real, true>(
  [
    ...[beginNew, beginNext, beginNext, beginNext, beginNext, beginAgain, beginAgain, repeatBegin],
    ...[completeAttempt, completeAttempt, completeAttempt, completeAttempt, completeAttempt, repeatComplete],
    ...[cancel, tick, advance, advance, prune, remove, read],
  ],
  { maxCommands: 40, size: 'max' },
)
