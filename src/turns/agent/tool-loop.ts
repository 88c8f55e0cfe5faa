import { isNestedTooDeep } from '../../json-depth.js'
import { isJsonObject } from '../../json-object.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { Model, ModelEvent, ModelRequest, Step, ToolCall } from '../../models/model.js'
import { isUnbilled, ModelError } from '../../models/model-error.js'
import type { Tool } from '../../tools/tool.js'
import type { Tracing } from '../../tracing/tracing.js'
import type { Meter } from '../budget.js'
import type { RunEvent, TurnEvent } from '../events.js'
import type { ToolLimits } from '../types.js'
import { estimateTools } from './history-window.js'
import { sanitizeJson } from './sanitize.js'
import { createToolRunner, type RequestedCall } from './tool-calls.js'

/** What a turn needs besides its model. */
export interface Toolbox extends ToolLimits {
  turnId: string
  /** the tools of the turn's user */
  open(signal: AbortSignal): Promise<Tool[]>
  /** the calls that earlier attempts of the turn made, in order */
  doneCalls: readonly ToolCall[]
  /** Cuts the history to what these tools leave of the window; undefined: it is sent as it is. */
  fit?: (toolTokens: number) => Pick<ModelRequest, 'history' | 'summary'>
  /** keeps the turn within its budget; undefined: it has none */
  meter?: Meter | undefined
  /** receives the progress of running calls, which comes while the loop waits for them */
  onProgress?: (event: TurnEvent) => void
  /** default: calls are not traced */
  tracing?: Tracing | undefined
  log: { warn(fields: object, text: string): void }
  metrics?: Metrics | undefined
}

export const noTools: Toolbox = {
  turnId: '',
  open: async () => [],
  doneCalls: [],
  toolSteps: 1,
  toolCalls: 0,
  toolTimeoutMs: 0,
  log: { warn() {} },
}

/** The contract's limit for a tool's name. */
const maxNameLength = 200
/** The contract's limit for a turn's calls, including those that were not made. */
const maxAsked = 1_000
const maxArgumentsLength = 65_536

/** Turns the model's call ids into ids that every provider accepts, unique within the turn. */
const createIds = () => {
  const taken = new Set<string>()
  return (raw: string): string => {
    const base = raw.replace(/[^\w-]/g, '_').slice(0, 50) || 'call'
    let id = base
    for (let n = 2; taken.has(id); n += 1) id = `${base}_${n}`
    taken.add(id)
    return id
  }
}

/** Validates the model's arguments. */
const readArguments = (value: unknown): Pick<RequestedCall, 'arguments' | 'invalidReason'> => {
  if (!isJsonObject(value)) return { arguments: {}, invalidReason: 'The arguments are not a JSON object.' }
  if (isNestedTooDeep(value)) return { arguments: {}, invalidReason: 'The arguments are nested too deeply.' }
  if (JSON.stringify(value).length <= maxArgumentsLength) {
    // Sanitized as they are stored, so that a later attempt recognizes the call.
    return { arguments: sanitizeJson(value) }
  }
  return { arguments: {}, invalidReason: `The arguments are longer than ${maxArgumentsLength} characters.` }
}

/** Groups calls into batches: consecutive read-only calls run in parallel, each other call runs alone. */
const batchesOf = (calls: RequestedCall[], mayShare: (call: RequestedCall) => boolean): RequestedCall[][] => {
  const batches: RequestedCall[][] = []
  for (const call of calls) {
    const last = batches.at(-1)
    if (last && [...last, call].every(mayShare)) last.push(call)
    else batches.push([call])
  }
  return batches
}

/** Separates the texts of the steps by blank lines, since an answer is one text. */
const createParagraphs = () => {
  let last = ''
  let isNew = false
  return {
    next(): void {
      isNew = last !== ''
    },
    say(delta: string): string {
      if (delta === '') return delta
      const text = isNew && !/\n$/.test(last) && !/^\s/.test(delta) ? `\n\n${delta}` : delta
      last = delta
      isNew = false
      return text
    },
  }
}

const tooManyCalls = () =>
  new ModelError('model-tool-limit', 'the model called tools up to the limit of the turn')

/** Passes on a model's response, within what the turn may still spend. Stops, with no error, at the first event after an abort. */
const ask = async (
  model: Model,
  request: ModelRequest,
  meter: Meter | undefined,
  onEvent: (event: ModelEvent) => void,
): Promise<void> => {
  const maxOutputTokens = meter?.request(request)
  if (meter && maxOutputTokens === undefined)
    throw new ModelError('model-tool-limit', 'another request might cost more than the turn has reserved')
  let hasBegun = false
  try {
    for await (const event of model.run(meter ? { ...request, maxOutputTokens } : request)) {
      if (request.signal.aborted) return
      if (event.type !== 'model') hasBegun = true
      else if (event.isPaidTwice) meter?.requestAgain()
      onEvent(event)
    }
  } catch (error) {
    if (!hasBegun && !request.signal.aborted && isUnbilled(error)) meter?.drop()
    throw error
  }
}

/**
 * Calls the model, makes its tool calls, and calls it again with their results, until it answers or the signal aborts. Each
 * event is passed on at once: a generator in between would cost more than everything else that is done with a piece of text.
 */
export const runSteps = async (
  model: Model,
  request: ModelRequest,
  toolbox: Toolbox,
  emit: (event: RunEvent) => void,
): Promise<void> => {
  const { signal } = request
  const tools = model.callsTools ? await toolbox.open(signal) : []
  const { meter, toolCalls: maxCalls, toolTimeoutMs: timeoutMs } = toolbox
  const { history, summary } = toolbox.fit?.(estimateTools(tools)) ?? request
  const runner = createToolRunner({ ...toolbox, tools, maxCalls, timeoutMs, signal })
  const idOf = createIds()
  const paragraphs = createParagraphs()
  const steps: Step[] = []
  let responder = model.name
  let asked = 0

  for (;;) {
    const isLast = steps.length + 1 >= toolbox.toolSteps || !runner.hasRoom()
    const toolChoice = isLast ? 'none' : 'auto'
    const calls: RequestedCall[] = []
    const ids = new Map<string, string>()
    let finish: Extract<ModelEvent, { type: 'finish' }> | undefined
    const onEvent = (event: ModelEvent): void => {
      if (event.type === 'text-delta') emit({ type: 'text-delta', delta: paragraphs.say(event.delta) })
      else if (event.type === 'reasoning-delta') emit(event)
      else if (event.type === 'finish') finish = event
      else if (event.type === 'model') {
        responder = event.name
        emit({ type: 'model', name: event.name })
      } else if (event.type === 'tool-call') {
        asked += 1
        if (asked > maxAsked) throw tooManyCalls()
        const name = event.name.slice(0, maxNameLength) || 'unnamed'
        const call = { id: idOf(event.id), name, ...readArguments(event.arguments), duration_ms: null }
        ids.set(event.id, call.id)
        calls.push(call)
        emit({ type: 'tool-call', id: call.id, name, arguments: call.arguments })
      } else {
        const id = ids.get(event.id)
        if (id !== undefined) emit({ ...event, id, duration_ms: Math.round(event.duration_ms) })
      }
    }
    await ask(model, { ...request, history, summary, steps: [...steps], tools, toolChoice }, meter, onEvent)
    if (signal.aborted || !finish) return
    const { usage, cacheWriteTokens, reason = 'stop', continuation, parts } = finish
    meter?.report(responder, usage, cacheWriteTokens)
    const heard = { usage, ...(cacheWriteTokens && { cacheWriteTokens }), ...(parts && { parts }) }
    if (continuation === undefined) {
      emit({ type: 'finish', ...heard, reason })
      return
    }
    emit({ type: 'step', ...heard })

    if (isLast) {
      const error = 'Not called: the limit of the turn is reached.'
      for (const { id } of calls) emit({ type: 'tool-error', id, error, duration_ms: null })
      throw tooManyCalls()
    }
    const made: ToolCall[] = []
    for (const batch of batchesOf(calls, runner.isReadOnly)) {
      const outcomes = await Promise.all(batch.map(runner.run))
      for (const outcome of outcomes) emit(outcome)
      batch.forEach(({ invalidReason: _, ...call }, n) => {
        const { type: _type, ...outcome } = outcomes[n] as (typeof outcomes)[number]
        made.push({ ...call, ...outcome })
      })
    }
    steps.push({ model: responder, continuation, calls: made })
    paragraphs.next()
  }
}
