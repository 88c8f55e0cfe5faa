import fc from 'fast-check'
import type { ToolCall } from '../../../src/models/model.js'
import { forHistory } from '../../../src/turns/agent/history-window.js'
import type { EndTurn } from '../../../src/turns/store/end-turns.js'
import { type Attempt, type BeginAnswer, day, type EndAnswer } from './model.js'
import { id, limits, newRequest, type Request, unstorable } from './requests.js'
import { type Actors, type Call, type Real, steps } from './step.js'

const nobodys: Attempt = {
  ...{ userId: 'alice', conversationId: id(0), turnId: id(1), attempt: 1 },
  ...{ model: 'echo', message: 'hi' },
}

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

/** now and then somebody else's, and text that cannot be stored */
const models = fc.constantFrom('echo', 'echo', 'oracle')
const isUnstorable = fc.integer({ min: 1, max: 20 }).map((n) => n === 20)

const beginInWords = ({
  userId,
  isNewConversation,
  conversationId,
  turnId,
  message,
  key,
}: Request): string => {
  const where = isNewConversation ? `new ${conversationId}` : conversationId
  return `begin ${turnId} by ${userId} in ${where}: ${message.slice(0, 5)}${key ? `, key ${key}` : ''}`
}

/** What instances remember of a begin that was answered. */
const remember = ({ attempts }: Actors, { userId, message }: Request, answer: BeginAnswer): void => {
  if (answer.outcome !== 'begun') return
  const { conversation_id: conversationId, turn_id: turnId, attempt, model } = answer
  const isKnown = attempts.some((other) => other.turnId === turnId && other.attempt === attempt)
  if (!isKnown) attempts.push({ userId, conversationId, turnId, attempt, model, message })
}

const send = (actors: Actors, request: Request): Call => ({
  words: beginInWords(request),
  predict: () => {
    actors.begins.push(request)
    const answer = actors.model.begin(request)
    remember(actors, request, answer)
    return answer
  },
  perform: (engine) => engine.begin(request),
})

const beginNew = steps(
  fc.record({ userId: users, message: texts, key: keys, model: models }),
  (actors, choice) => send(actors, newRequest(actors.begins.length + 1, { into: undefined, ...choice })),
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

type AnyBegin =
  | {
      do: 'new' | 'next'
      userId: string
      message: string
      key: string | undefined
      model: string
      back: number
      isUnstorable: boolean
    }
  | { do: 'repeat'; back: number }

/** Several that come at once and leave in one batch: of several users, some of them twice, some that fail. */
const beginTogether = steps(
  fc.array(
    fc.oneof(
      fc.record({
        do: fc.constantFrom('new' as const, 'next' as const, 'next' as const),
        ...{ userId: users, message: texts, key: keys, model: models, back: fc.nat(5), isUnstorable },
      }),
      fc.record({ do: fc.constant('repeat' as const), back: fc.nat(5) }),
    ),
    { minLength: 2, maxLength: 6 },
  ),
  (actors, choices: AnyBegin[]) => {
    const requests: Request[] = []
    for (const choice of choices) {
      if (choice.do === 'repeat') {
        const known = newest([...actors.begins, ...requests], choice.back)
        if (known && (requests.includes(known) || actors.model.remembers(known))) requests.push(known)
        continue
      }
      const { userId, message, key, model, back, isUnstorable } = choice
      const own = actors.attempts.filter((it) => it.userId === userId)
      const into = choice.do === 'new' ? undefined : newest(own, back)?.conversationId
      const n = actors.begins.length + requests.length + 1
      requests.push(newRequest(n, { userId, into, key, model, message: isUnstorable ? unstorable : message }))
    }
    if (requests.length < 2) return undefined
    return {
      words: ['at once:', ...requests.map(beginInWords)].join('\n  '),
      predict: () => {
        actors.begins.push(...requests)
        const answers = actors.model.beginTogether(requests)
        for (const [n, answer] of answers.entries()) remember(actors, requests[n] as Request, answer)
        return answers
      },
      perform: (engine) => engine.beginTogether(requests),
    }
  },
)

const endInWords = ({ userId, turnId, attempt, status }: EndTurn): string =>
  `end ${turnId}, attempt ${attempt}, by ${userId}: ${status}`

const complete = ({ model, ends }: Actors, end: EndTurn): Call => ({
  words: endInWords(end),
  predict: (): EndAnswer => {
    ends.push(end)
    return model.end(end)
  },
  perform: (engine) => engine.end(end),
})

const errors: Record<string, EndTurn['errorCode']> = {
  failed: 'model-failed',
  interrupted: 'turn-interrupted',
}
const endings = fc.record({
  back,
  status: fc.constantFrom(
    'completed' as const,
    'completed' as const,
    'completed' as const,
    'completed' as const,
    'failed' as const,
    'cancelled' as const,
    'interrupted' as const,
  ),
  text: fc.constantFrom('', 'an answer', 'an answer of fifty bytes, 世界, or of about so many'),
  isStranger,
  /** whether later turns are told of its calls otherwise */
  isShortened: fc.boolean(),
})
type Ending = typeof endings extends fc.Arbitrary<infer Choice> ? Choice : never

const endOf = (actors: Actors, mine: Attempt, { status, text, isStranger, isShortened }: Ending): EndTurn => {
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
  const answer = { text, tool_calls: calls[status] ?? [], usage, finished: isDone }
  return {
    userId: actingOn(mine.userId, isStranger),
    turnId: mine.turnId,
    attempt: mine.attempt,
    model: mine.model,
    status,
    answer,
    errorCode: errors[status] ?? null,
    hasEvents: actors.model.hasEvents(mine),
    windowTokens: forHistory(mine.message, answer).windowTokens,
    historyCalls: isDone && isShortened ? [{ ...clock, result: '12' }] : null,
  }
}

const endAttempt = steps(endings, (actors, choice) => {
  const mine = newest(actors.attempts, choice.back)
  return mine && complete(actors, endOf(actors, mine, choice))
})

const repeatEnd = steps(back, (actors, back) => {
  const lost = newest(actors.ends, back)
  return lost && complete(actors, lost)
})

/** Several that come at once and leave in one batch: of several users, some of them twice, some that fail. */
const endTogether = steps(
  fc.array(fc.record({ ending: endings, back: fc.nat(5), isRepeat: fc.boolean(), isUnstorable }), {
    minLength: 2,
    maxLength: 6,
  }),
  (actors, choices) => {
    const list: EndTurn[] = []
    for (const { ending, back, isRepeat, isUnstorable } of choices) {
      const mine = newest(actors.attempts, back)
      if (!mine) return undefined
      // Of one attempt only the same end twice: which of two comes first is not to be known.
      const known = list.find((it) => it.turnId === mine.turnId && it.attempt === mine.attempt)
      if (known) {
        if (isRepeat) list.push(known)
        continue
      }
      const end = endOf(actors, mine, ending)
      list.push(isUnstorable ? { ...end, answer: { ...end.answer, text: unstorable } } : end)
    }
    if (list.length < 2) return undefined
    return {
      words: ['at once:', ...list.map(endInWords)].join('\n  '),
      predict: () => {
        actors.ends.push(...list)
        return actors.model.endTogether(list)
      },
      perform: (engine) => engine.endTogether(list),
    }
  },
)

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

/** An heir of any turn that ever was, whether or not its lease has run out. */
const interrupt = steps(fc.record({ back, isStranger }), ({ model, attempts }, { back, isStranger }) => {
  const { userId, turnId } = newest(attempts, back) ?? nobodys
  const user = actingOn(userId, isStranger)
  return {
    words: `interrupt ${turnId} by ${user}`,
    predict: () => model.interrupt(user, turnId),
    perform: (engine) => engine.interrupt(user, turnId),
  }
})

/** An instance that holds, reads and waits for any of the attempts that ever were, whether or not they are over. */
const tick = steps(
  fc.record({ held: fc.nat(31), read: fc.nat(31), awaited: fc.nat(31) }),
  ({ model, attempts }, choice) => {
    const held = marked(attempts, choice.held)
    // What runs here is read and awaited here.
    const isElsewhere = ({ turnId }: Attempt) => !held.some((other) => other.turnId === turnId)
    // Some have read the attempt before, and do not know yet that it is over.
    const read = marked(attempts, choice.read)
      .flatMap((it) => (it.attempt > 1 ? [it, { ...it, attempt: it.attempt - 1 }] : [it]))
      .filter(isElsewhere)
    const awaited = marked(attempts, choice.awaited).filter(isElsewhere)
    if (held.length + read.length + awaited.length === 0) return undefined
    const names = (list: Attempt[]) => list.map(({ turnId, attempt }) => `${turnId}/${attempt}`).join(' ')
    return {
      words: `tick: runs ${names(held)}, reads ${names(read)}, waits for ${names(awaited)}`,
      predict: () => model.tick(held, read, awaited),
      perform: (engine) => engine.tick(held, read, awaited),
    }
  },
)

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
  const mine = newest(attempts, back) ?? nobodys
  const user = actingOn(mine.userId, isStranger)
  return {
    words: `read ${mine.turnId} by ${user}`,
    predict: () => model.read(mine, user),
    perform: (engine) => engine.read(mine, user),
  }
})

/** A kind that is named twice comes twice as often. */
export const commands = fc.commands<Actors, Real, true>(
  [
    ...[beginNew, beginNext, beginNext, beginNext, beginNext, beginAgain, beginAgain, repeatBegin],
    ...[beginTogether, endTogether],
    ...[endAttempt, endAttempt, endAttempt, endAttempt, endAttempt, repeatEnd],
    ...[cancel, interrupt, interrupt, tick, tick, advance, advance, prune, remove, read],
  ],
  { maxCommands: 40, size: 'max' },
)
