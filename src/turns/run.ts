import type { Model, ModelRequest } from '../models/model.js'
import { ModelError } from '../models/model-error.js'
import { catalogue } from '../problems.js'
import { untilAborted } from '../until-aborted.js'
import type { EndStatus, TurnError } from './complete.js'
import { type Answer, cutOffs, emptyAnswer, fold, type RunEvent, type TurnEvent } from './fold.js'
import { noTools, runSteps, type Toolbox } from './steps.js'
import { createCleaner } from './storable.js'

/** The contract's bound on an answer's text, in UTF-16 code units; a longer one is cut off there. */
export const maxAnswerLength = 1_000_000

/** The contract's bound on Retry-After, in seconds. */
const maxRetryAfter = 3_600

/** Why a turn's signal aborted; anything else that ends a run is the model's failure. */
export type AbortReason = 'timeout' | 'shutdown' | 'cancel' | 'lost'

export interface Ended {
  status: EndStatus
  answer: Answer
  error: TurnError | null
  /** seconds after which the provider may answer, when it says so */
  retryAfter?: number
  /** for the log: what the model threw */
  cause?: unknown
}

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

/** A failure in the contract's terms; what no model has put in those of `ModelError` is a failure like any other. */
const modelFailed = (cause: unknown): Pick<Ended, 'status' | 'error' | 'retryAfter'> => {
  const code = cause instanceof ModelError ? cause.code : 'model-failed'
  const retryAfterMs = cause instanceof ModelError ? cause.retryAfterMs : undefined
  return {
    status: 'failed',
    error: { code, detail: catalogue[code].detail },
    ...(retryAfterMs !== undefined && {
      retryAfter: Math.min(Math.ceil(retryAfterMs / 1_000), maxRetryAfter),
    }),
  }
}

/** What was said, in a form that can be stored; the end of a text that is too long is left out. */
const createSayer = (answer: Answer, onEvent: (event: TurnEvent) => void) => {
  const cleaner = createCleaner()
  const sayText = (text: string): void => {
    const delta = text.slice(0, maxAnswerLength - answer.text.length).toWellFormed()
    if (delta) say({ type: 'text-delta', delta })
    if (delta.length < text.length) throw new Error('the answer is too long')
  }
  const say = (event: RunEvent): void => {
    fold(answer, event)
    if (event.type !== 'step' && event.type !== 'finish') onEvent(event)
  }
  return (event: RunEvent): void => {
    if (event.type === 'text-delta') sayText(cleaner.text(event.delta))
    else {
      sayText(cleaner.rest())
      say(cleaner.json(event))
    }
  }
}

const sayAll = async (
  events: AsyncIterator<RunEvent>,
  say: (event: RunEvent) => void,
  signal: AbortSignal,
): Promise<void> => {
  for (;;) {
    const next = await events.next()
    if (next.done || signal.aborted) return
    say(next.value)
  }
}

/**
 * Runs the model and its tools for one attempt, tells of its events and folds them. Never throws: every way to end is an `Ended`.
 * It ends as soon as the signal aborts, whether or not the model notices.
 */
export const runModel = async (
  model: Model,
  request: ModelRequest,
  onEvent: (event: TurnEvent) => void = () => {},
  toolbox: Toolbox = noTools,
): Promise<Ended> => {
  const answer = emptyAnswer()
  const say = createSayer(answer, onEvent)
  const { signal } = request
  let events: AsyncIterator<RunEvent> | undefined
  try {
    signal.throwIfAborted()
    events = runSteps(model, request, toolbox)
    // One wait for the signal, however many events there are; a model that ignores it is not listened to any more.
    await untilAborted(sayAll(events, say, signal), signal)
    if (!answer.finished) throw new Error('the model stopped without finishing')
    return { status: 'completed', error: null, answer }
  } catch (cause) {
    for (const event of cutOffs(answer)) say(event)
    const reason = signal.aborted ? (signal.reason as AbortReason) : undefined
    return { ...(reason ? aborts[reason] : modelFailed(cause)), answer, cause }
  } finally {
    // A model that ignores the signal must not keep the turn waiting for its clean-up.
    void Promise.resolve(events?.return?.()).catch(() => {})
  }
}
