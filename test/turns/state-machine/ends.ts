import fc from 'fast-check'
import type { ToolCall } from '../../../src/models/model.js'
import { forHistory } from '../../../src/turns/agent/history-window.js'
import { type Answer, emptyAnswer } from '../../../src/turns/events.js'
import type { EndTurn } from '../../../src/turns/store/end-turns.js'
import type { EndStatus } from '../../../src/turns/types.js'
import { actingOn, back, isStranger, isUnstorable, newest } from './choices.js'
import type { Attempt, EndAnswer } from './model.js'
import { limits, unstorable } from './requests.js'
import { type Actors, type Call, steps } from './step.js'

/** Ends of attempts, by the instance that ran them. */

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
const completed: EndStatus[] = ['completed', 'completed', 'completed', 'completed']
const anyEnd = fc.constantFrom<EndStatus[]>(...completed, 'failed', 'cancelled', 'interrupted')
const endings = {
  back,
  status: anyEnd,
  text: fc.constantFrom('', 'an answer', 'an answer of fifty bytes, 世界, or of about so many'),
  isStranger,
  /** how many turns back the window begins; it has not moved when there is none */
  windowBack: fc.constantFrom(0, 0, 1, 2),
  /** those of a turn that completes; later turns may be given them shortened */
  calls: fc.constantFrom('none', 'whole', 'shortened'),
  cost: fc.constantFrom(null, 7),
}
type Ending = {
  [Name in keyof typeof endings]: (typeof endings)[Name] extends fc.Arbitrary<infer T> ? T : never
}

const endOf = (actors: Actors, mine: Attempt, { status, text, isStranger, ...choice }: Ending): EndTurn => {
  const isDone = status === 'completed'
  const usage = isDone
    ? { input_tokens: 1, output_tokens: 2, cached_input_tokens: 1, reasoning_tokens: 0, total_tokens: 3 }
    : {
        input_tokens: null,
        output_tokens: null,
        cached_input_tokens: null,
        reasoning_tokens: null,
        total_tokens: null,
      }
  const clock = { id: 'c1', name: 'clock', arguments: {}, result: '12:00', duration_ms: 7 }
  const calls: Record<string, ToolCall[]> = {
    completed: choice.calls === 'none' ? [] : [clock],
    failed: [
      clock,
      { ...clock, id: 'c2', replayed: true },
      { id: 'c3', name: 'clock', arguments: {}, error: 'no', duration_ms: 7 },
    ],
  }
  const answer: Answer = {
    ...emptyAnswer(),
    text,
    tool_calls: calls[status] ?? [],
    usage,
    finish_reason: isDone ? 'stop' : null,
  }
  return {
    userId: actingOn(mine.userId, isStranger),
    turnId: mine.turnId,
    attempt: mine.attempt,
    model: mine.model,
    status,
    answer,
    cost: choice.cost,
    errorCode: errors[status] ?? null,
    hasEvents: actors.model.hasEvents(mine),
    windowSize: limits.windowSize,
    windowStart: actors.model.startBefore(mine, choice.windowBack),
    windowTokens: forHistory({ historyTokens: 16_000 }, mine.model, mine.message, answer).windowTokens,
    historyCalls: isDone && choice.calls === 'shortened' ? [{ ...clock, result: '12' }] : null,
    continuation: null,
  }
}

export const endAttempt = (status: fc.Arbitrary<EndStatus> = anyEnd) =>
  steps(fc.record({ ...endings, status }), (actors, choice) => {
    const mine = newest(actors.attempts, choice.back)
    return mine && complete(actors, endOf(actors, mine, choice))
  })

export const repeatEnd = (which: fc.Arbitrary<number> = back) =>
  steps(which, (actors, back) => {
    const lost = newest(actors.ends, back)
    return lost && complete(actors, lost)
  })

/** Several that come at once and leave in one batch: of several users, some of them twice, some that fail. */
export const endTogether = steps(
  fc.array(fc.record({ ending: fc.record(endings), back: fc.nat(5), isRepeat: fc.boolean(), isUnstorable }), {
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
