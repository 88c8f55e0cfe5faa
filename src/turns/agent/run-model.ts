import { untilAborted } from '../../concurrency/until-aborted.js'
import type { Model, ModelRequest } from '../../models/model.js'
import { ModelError } from '../../models/model-error.js'
import { type Answer, cutOffEvents, emptyAnswer, type RunEvent, reduce, type TurnEvent } from '../events.js'
import { type TurnError, turnError } from '../turn-errors.js'
import type { AbortReason, EndStatus } from '../types.js'
import { createSanitizer, sanitizeJson } from './sanitize.js'
import { noTools, runSteps, type Toolbox } from './tool-loop.js'

/** The contract's limit for an answer's text, in UTF-16 code units; a longer one is truncated. */
export const maxAnswerLength = 1_000_000

/** How much of a model's reasoning is shown, in UTF-16 code units and in pieces between texts and calls; the rest is left out. */
const maxReasoningLength = 250_000
const maxReasoningPieces = 1_000

/** The contract's limit for Retry-After, in seconds. */
const maxRetryAfter = 3_600

/** The result of an attempt's run. */
interface ModelRun {
  status: EndStatus
  /** the name of the model that answered; of a chain, of the one that was asked last */
  model: string
  answer: Answer
  error: TurnError | null
  /** the provider's Retry-After, in seconds */
  retryAfter?: number
  /** the model's error, for the log */
  cause?: unknown
}

const aborts: Record<AbortReason, Pick<ModelRun, 'status' | 'error'>> = {
  timeout: { status: 'failed', error: turnError('model-timeout') },
  shutdown: { status: 'interrupted', error: turnError('turn-interrupted') },
  cancel: { status: 'cancelled', error: null },
  lost: { status: 'interrupted', error: turnError('turn-interrupted') },
}

/** Maps a model's error to the contract. Anything but a `ModelError` is a `model-failed`. */
const modelFailed = (cause: unknown): Pick<ModelRun, 'status' | 'error' | 'retryAfter'> => {
  const code = cause instanceof ModelError ? cause.code : 'model-failed'
  const retryAfterMs = cause instanceof ModelError ? cause.retryAfterMs : undefined
  return {
    status: 'failed',
    error: turnError(code),
    ...(retryAfterMs !== undefined && {
      retryAfter: Math.min(Math.ceil(retryAfterMs / 1_000), maxRetryAfter),
    }),
  }
}

/** Emits events in a form that can be stored, and truncates a text that is too long. */
const createEmitter = (
  answer: Answer,
  onModel: (name: string) => void,
  onEvent: (event: TurnEvent) => void,
) => {
  const texts = createSanitizer()
  const reasoning = createSanitizer()
  let reasoningLength = 0
  const emitText = (text: string): void => {
    const delta = text.slice(0, maxAnswerLength - answer.text.length).toWellFormed()
    if (delta) emit({ type: 'text-delta', delta })
    if (delta.length < text.length) throw new Error('the answer is too long')
  }
  const emitReasoning = (text: string): void => {
    if (answer.reasoning.length >= maxReasoningPieces) return
    const delta = text.slice(0, maxReasoningLength - reasoningLength).toWellFormed()
    reasoningLength += delta.length
    if (delta) emit({ type: 'reasoning-delta', delta })
  }
  const emit = (event: Exclude<RunEvent, { type: 'model' }>): void => {
    reduce(answer, event)
    if (event.type !== 'step' && event.type !== 'finish') onEvent(event)
  }
  return (event: RunEvent): void => {
    if (event.type === 'model') {
      onModel(event.name)
      return
    }
    if (event.type !== 'text-delta') emitText(texts.rest())
    if (event.type !== 'reasoning-delta') emitReasoning(reasoning.rest())
    if (event.type === 'text-delta') emitText(texts.text(event.delta))
    else if (event.type === 'reasoning-delta') emitReasoning(reasoning.text(event.delta))
    else emit(sanitizeJson(event))
  }
}

/**
 * Runs the model and its tools for one attempt, and passes each event to `onEvent`. Never throws: every end is a
 * `ModelRun`. Resolves as soon as the signal aborts, even if the model ignores it.
 */
export const runModel = async (
  model: Model,
  request: ModelRequest,
  onEvent: (event: TurnEvent) => void = () => {},
  toolbox: Toolbox = noTools,
): Promise<ModelRun> => {
  const answer = emptyAnswer()
  let asked = model.name
  const onModel = (name: string) => {
    asked = name
  }
  const emit = createEmitter(answer, onModel, onEvent)
  const { signal } = request
  try {
    signal.throwIfAborted()
    const tools = { ...toolbox, onProgress: (event: TurnEvent) => onEvent(sanitizeJson(event)) }
    // One abort listener for all events. After an abort, the answer no longer changes.
    const emitUnlessAborted = (event: RunEvent) => {
      if (!signal.aborted) emit(event)
    }
    await untilAborted(runSteps(model, request, tools, emitUnlessAborted), signal)
    if (!answer.finish_reason) throw new Error('the model stopped without finishing')
    return { status: 'completed', model: asked, error: null, answer }
  } catch (cause) {
    for (const event of cutOffEvents(answer)) emit(event)
    const reason = signal.aborted ? (signal.reason as AbortReason) : undefined
    return { ...(reason ? aborts[reason] : modelFailed(cause)), model: asked, answer, cause }
  }
}
