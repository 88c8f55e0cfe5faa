import fc from 'fast-check'
import {
  actingOn,
  back,
  isStranger,
  isUnstorable,
  newest,
  rarelyAssistant,
  someAssistant,
  texts,
  users,
} from './choices.js'
import type { BeginAnswer } from './model.js'
import { type Limit, newRequest, ownKey, type Request, unstorable } from './requests.js'
import { type Actors, type Call, steps } from './step.js'

/** Begins: new conversations, old ones, keys that were used before, several at once. */

export type Keys = fc.Arbitrary<string | undefined>
/** Mostly one that nobody has used before: two requests that share a key are mostly a mismatch. */
const keys: Keys = fc.constantFrom(undefined, undefined, ownKey, ownKey, 'k1', 'k2')
/** Mostly the program's choice. */
const models = fc.constantFrom(undefined, undefined, 'oracle')

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
  const asked = answer.message ?? message
  const isKnown = attempts.some((other) => other.turnId === turnId && other.attempt === attempt)
  if (!isKnown) attempts.push({ userId, conversationId, turnId, attempt, model, message: asked })
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

export const beginNew = (key = keys, limit?: Limit, expires = false) =>
  steps(fc.record({ userId: users, message: texts, key, assistant: someAssistant }), (actors, choice) =>
    send(actors, newRequest(actors.begins.length + 1, { into: undefined, limit, expires, ...choice })),
  )

/** In any conversation that ever was, now and then in another user's. */
export const beginNext = (key = keys, expires = false) =>
  steps(
    fc.record({ isStranger, back, message: texts, key, model: models, assistant: rarelyAssistant }),
    (actors, drawn) => {
      const { back, isStranger, ...choice } = drawn
      const last = newest(actors.attempts, back)
      if (!last) return undefined
      const userId = actingOn(last.userId, isStranger)
      return send(
        actors,
        newRequest(actors.begins.length + 1, { userId, into: last.conversationId, expires, ...choice }),
      )
    },
  )

/** At another place of a conversation than its end, or of another one: an edited message, another answer, a new beginning. */
export const beginBranch = (key = keys) =>
  steps(
    fc.record({
      back,
      targetBack: fc.nat(4),
      kind: fc.constantFrom(
        'after' as const,
        'after' as const,
        'again' as const,
        'again' as const,
        'start' as const,
      ),
      isOther: fc.integer({ min: 1, max: 6 }).map((n) => n === 6),
      message: texts,
      key,
    }),
    (actors, { back, targetBack, kind, isOther, message, key }) => {
      const last = newest(actors.attempts, back)
      if (!last) return undefined
      const { userId, conversationId } = last
      const own = actors.begins.filter((it) => it.conversationId === conversationId && !it.place)
      const target = newest(isOther ? actors.begins : own, targetBack)
      if (!target) return undefined
      // An answer, or the question as often where one can be asked again.
      const messageId = (kind === 'again') === isOther ? target.userMessageId : target.messageId
      const place = kind === 'start' ? { kind } : { kind, messageId }
      const wish = { userId, into: conversationId, key, place, message: kind === 'again' ? '' : message }
      return send(actors, newRequest(actors.begins.length + 1, wish))
    },
  )

/** Somebody goes to the branch of a message, mostly of the newest. */
export const choose = (which = back) =>
  steps(fc.record({ back: which, isQuestion: fc.boolean(), isStranger }), (actors, choice) => {
    const of = newest(actors.begins, choice.back)
    if (!of) return undefined
    const userId = actingOn(of.userId, choice.isStranger)
    const messageId = choice.isQuestion ? of.userMessageId : of.messageId
    return {
      words: `choose ${messageId} of ${of.conversationId} by ${userId}`,
      predict: () => actors.model.choose(userId, of.conversationId, messageId),
      perform: (engine) => engine.choose(userId, of.conversationId, messageId),
    }
  })

/** A client that tries again, with the same body or, by mistake, with another one. */
export const beginAgain = steps(
  fc.record({ back, other: fc.constantFrom(false, false, false, false, true) }),
  (actors, choice) => {
    const first = newest(
      actors.begins.filter(({ key }) => key !== undefined),
      choice.back,
    )
    if (!first) return undefined
    const { userId, isNewConversation, conversationId, message, key, place, assistant, retention } = first
    const into = isNewConversation ? undefined : conversationId
    return send(
      actors,
      newRequest(actors.begins.length + 1, {
        userId,
        into,
        key,
        assistant,
        ...(place && { place }),
        expires: retention !== undefined,
        message: choice.other ? `${message}!` : message,
        // Where there is a budget, the retry has it, too.
        ...(first.reserved !== undefined && {
          limit: first.totalBudget ? ('total' as const) : ('budget' as const),
        }),
      }),
    )
  },
)

/** The engine asks again, since the answer was lost. It does so within seconds, so the key is still remembered. */
export const repeatBegin = steps(back, (actors, back) => {
  const lost = newest(actors.begins, back)
  return lost && actors.model.remembers(lost) ? send(actors, lost) : undefined
})

/** Begins in conversations that are kept for a day. */
export const beginExpiring = () => beginNew(keys, undefined, true)
export const continueExpiring = () => beginNext(keys, true)

type AnyBegin =
  | {
      do: 'new' | 'next'
      userId: string
      message: string
      key: string | undefined
      model: string | undefined
      assistant: string | undefined
      back: number
      isUnstorable: boolean
    }
  | { do: 'repeat'; back: number }

/** Several that come at once and leave in one batch: of several users, some of them twice, some that fail. */
export const beginTogether = steps(
  fc.array(
    fc.oneof(
      fc.record({
        do: fc.constantFrom('new' as const, 'next' as const, 'next' as const),
        ...{ userId: users, message: texts, key: keys, model: models, back: fc.nat(5), isUnstorable },
        assistant: rarelyAssistant,
      }),
      fc.record({ do: fc.constant('repeat' as const), back: fc.nat(5) }),
    ),
    { minLength: 2, maxLength: 6 },
  ),
  (actors, choices: AnyBegin[]) => {
    const requests: Request[] = []
    // They are sent again alone, in no certain order, so that it is not certain who reaches a limit.
    const isUnlimited = choices.some((choice) => choice.do !== 'repeat' && choice.isUnstorable)
    for (const choice of choices) {
      if (choice.do === 'repeat') {
        const known = newest([...actors.begins, ...requests], choice.back)
        if (known && (requests.includes(known) || actors.model.remembers(known))) requests.push(known)
        continue
      }
      const { userId, message, key, model, assistant, back, isUnstorable } = choice
      const own = actors.attempts.filter((it) => it.userId === userId)
      const into = choice.do === 'new' ? undefined : newest(own, back)?.conversationId
      const n = actors.begins.length + requests.length + 1
      const text = isUnstorable ? unstorable : message
      requests.push(newRequest(n, { userId, into, key, model, assistant, message: text, isUnlimited }))
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
