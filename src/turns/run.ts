import type { Model, ModelEvent, ModelRequest } from '../models/model.js'
import type { EndStatus, TurnError } from './complete.js'
import { type Answer, emptyAnswer, fold } from './fold.js'
import { untilAborted } from './until-aborted.js'

/** The contract's bound on an answer's text, in UTF-16 code units; a longer one is cut off there. */
export const maxAnswerLength = 1_000_000

/** Why a turn's signal aborted; anything else that ends a run is the model's failure. */
export type AbortReason = 'timeout' | 'shutdown' | 'cancel' | 'lost'

export interface Ended {
  status: EndStatus
  answer: Answer
  error: TurnError | null
  /** for the log: what the model threw */
  cause?: unknown
}

/** PostgreSQL cannot store a NUL, and stores a lone surrogate as another character. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD').toWellFormed()

/** The same for JSON, where both can only be escapes; a backslash that is escaped itself begins none. */
const storableJson = <T>(value: T): T =>
  JSON.parse(
    JSON.stringify(value).replace(/\\(?:u(?:0000|d[89a-f][\da-f]{2})|.)/g, (found) =>
      /^\\u(0000|d)/.test(found) ? '\uFFFD' : found,
    ),
  )

const aborts: Record<AbortReason, Pick<Ended, 'status' | 'error'>> = {
  timeout: {
    status: 'failed',
    error: { code: 'model-timeout', detail: 'The model took too long to answer.' },
  },
  shutdown: {
    status: 'interrupted',
    error: { code: 'turn-interrupted', detail: 'The instance that ran the turn was shut down.' },
  },
  cancel: { status: 'cancelled', error: null },
  lost: {
    status: 'interrupted',
    error: { code: 'turn-interrupted', detail: 'The turn was ended or taken over elsewhere.' },
  },
}
const modelFailed: Pick<Ended, 'status' | 'error'> = {
  status: 'failed',
  error: { code: 'model-failed', detail: 'The model failed to answer.' },
}

/**
 * Runs the model for one attempt and folds its events. Never throws: every way to end is an `Ended`.
 * It ends as soon as the signal aborts, whether or not the model notices.
 */
export const runModel = async (model: Model, request: ModelRequest): Promise<Ended> => {
  const answer = emptyAnswer()
  const { signal } = request
  const end = (rest: Omit<Ended, 'answer'>): Ended => ({
    ...rest,
    answer: { ...answer, text: storable(answer.text), tool_calls: storableJson(answer.tool_calls) },
  })
  let events: AsyncIterator<ModelEvent> | undefined
  try {
    signal.throwIfAborted()
    events = model.run(request)[Symbol.asyncIterator]()
    for (;;) {
      const next = await untilAborted(events.next(), signal)
      if (next.done) break
      fold(answer, next.value)
      if (answer.text.length > maxAnswerLength) throw new Error('the answer is too long')
    }
    if (!answer.finished) throw new Error('the model stopped without finishing')
    return end({ status: 'completed', error: null })
  } catch (cause) {
    answer.text = answer.text.slice(0, maxAnswerLength)
    const reason = signal.aborted ? (signal.reason as AbortReason) : undefined
    return end({ ...(reason ? aborts[reason] : modelFailed), cause })
  } finally {
    // A model that ignores the signal must not keep the turn waiting for its clean-up.
    void Promise.resolve(events?.return?.()).catch(() => {})
  }
}
