import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { stringify } from 'safe-stable-stringify'
import { untilAborted } from '../../concurrency/until-aborted.js'
import { withTimeout } from '../../concurrency/with-timeout.js'
import { type Metrics, noMetrics, type ToolOutcome } from '../../metrics/metrics.js'
import type { ToolCall } from '../../models/model.js'
import { type Tool, ToolError } from '../../tools/tool.js'
import type { Tracing } from '../../tracing/tracing.js'
import type { TurnEvent } from '../events.js'
import { createProgressThrottle } from './progress-throttle.js'
import { sanitizeJson } from './sanitize.js'
import { traceCall } from './trace-call.js'

interface ToolRunnerOptions {
  turnId: string
  tools: readonly Tool[]
  /** the calls that earlier attempts of the turn made, in order */
  doneCalls: readonly ToolCall[]
  /** maximum number of calls in a turn */
  maxCalls: number
  /** how long a call may take */
  timeoutMs: number
  /** aborts with the turn */
  signal: AbortSignal
  /** receives the progress of running calls */
  onProgress?: ((event: TurnEvent) => void) | undefined
  /** default: calls are not traced */
  tracing?: Tracing | undefined
  log: { warn(fields: object, text: string): void }
  metrics?: Metrics | undefined
}

/** A call that the model has requested. */
export interface RequestedCall extends ToolCall {
  /** why it must not be made */
  invalidReason?: string
}

/** The tool took longer than it may. */
class ToolTimeout extends ToolError {}

type CallResult = Extract<TurnEvent, { type: 'tool-result' | 'tool-error' }>

const isSame = (one: ToolCall, other: ToolCall): boolean =>
  one.name === other.name && stringify(one.arguments) === stringify(other.arguments)

/** Makes a turn's tool calls, limited in number and time. A call that an earlier attempt made is replayed, not repeated. */
export const createToolRunner = (options: ToolRunnerOptions) => {
  const { turnId, doneCalls, maxCalls, timeoutMs, signal, onProgress = () => {}, tracing, log } = options
  const { metrics = noMetrics } = options
  // Every running call listens to it.
  setMaxListeners(0, signal)
  const tools = new Map(options.tools.map((tool) => [tool.name, tool]))
  const replayable = [...doneCalls]
  const succeeded = new Map<string, number>()
  let calls = 0

  const count = ({ name, arguments: args }: ToolCall): number => succeeded.get(stringify([name, args])) ?? 0

  /**
   * The call's idempotency key, which is the same in every attempt: the name, the arguments, and how many equal calls have
   * succeeded before. A failed call may have had its effect, so its repetition has the same key.
   */
  const keyOf = (call: ToolCall): string =>
    createHash('sha256')
      .update(JSON.stringify([turnId, stringify([call.name, call.arguments]), count(call) + 1]))
      .digest('hex')

  const succeed = (call: ToolCall): void => {
    succeeded.set(stringify([call.name, call.arguments]), count(call) + 1)
  }

  const takeFinishedCall = (call: ToolCall): ToolCall | undefined => {
    const index = replayable.findIndex((done) => isSame(done, call))
    return index < 0 ? undefined : replayable.splice(index, 1)[0]
  }

  const callTool = (tool: Tool, { id, arguments: args }: ToolCall, key: string): Promise<unknown> =>
    withTimeout(signal, timeoutMs, async (limit) => {
      const throttle = createProgressThrottle(signal, (progress) =>
        onProgress({ type: 'tool-progress', id, ...progress }),
      )
      try {
        return await untilAborted(tool.call(args, { key, signal: limit, onProgress: throttle.report }), limit)
      } catch (error) {
        signal.throwIfAborted()
        if (limit.aborted) throw new ToolTimeout(`The tool gave no result within ${timeoutMs / 1_000} s.`)
        throw error
      } finally {
        throttle.end()
      }
    })

  const outcomeOf = (error: unknown): ToolOutcome => {
    if (signal.aborted) return 'cut_off'
    if (error instanceof ToolTimeout) return 'timeout'
    return error instanceof ToolError ? 'error' : 'failed'
  }

  const errorText = (error: unknown, tool: string): string => {
    signal.throwIfAborted()
    if (error instanceof ToolError) return sanitizeJson(error.message.slice(0, 2_000))
    log.warn({ turn_id: turnId, tool, err: error }, 'a tool call failed')
    return 'The tool failed.'
  }

  return {
    isReadOnly: (call: ToolCall): boolean => tools.get(call.name)?.readOnly === true,

    /** whether the limit allows another call */
    hasRoom: (): boolean => calls < maxCalls,

    /** Makes the call and returns its result or error. Throws only when the turn is aborted. */
    async run(call: RequestedCall): Promise<CallResult> {
      const { id, name } = call
      const server = tools.get(name)?.server
      let began: number | undefined
      let outcome: ToolOutcome = 'not_called'
      const duration = () => (began === undefined ? null : Math.round(performance.now() - began))
      try {
        calls += 1
        const tool = tools.get(name)
        if (calls > maxCalls)
          throw new ToolError(`Not called: this turn has already made ${maxCalls} calls, which is the limit.`)
        if (call.invalidReason !== undefined) throw new ToolError(call.invalidReason)
        if (!tool) throw new ToolError('There is no tool with this name.')
        const done = tool.readOnly ? undefined : takeFinishedCall(call)
        if (done) {
          succeed(call)
          outcome = 'replayed'
          return {
            type: 'tool-result',
            id,
            result: done.result,
            duration_ms: done.duration_ms,
            replayed: true,
          }
        }
        began = performance.now()
        const result = await traceCall(tracing, tool, call, () => callTool(tool, call, keyOf(call)))
        succeed(call)
        outcome = 'ok'
        // Sanitized as it is stored, so that the model sees the same result now and in later turns.
        return { type: 'tool-result', id, result: sanitizeJson(result ?? null), duration_ms: duration() }
      } catch (error) {
        if (began !== undefined) outcome = outcomeOf(error)
        return { type: 'tool-error', id, error: errorText(error, name), duration_ms: duration() }
      } finally {
        const seconds = began === undefined ? undefined : (performance.now() - began) / 1_000
        metrics.toolCall({ server, tool: name, outcome, seconds })
      }
    },
  }
}
