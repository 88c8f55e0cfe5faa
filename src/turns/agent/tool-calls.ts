import { createHash } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { stringify } from 'safe-stable-stringify'
import { untilAborted } from '../../concurrency/until-aborted.js'
import { withTimeout } from '../../concurrency/with-timeout.js'
import type { ToolCall } from '../../models/model.js'
import { type Tool, ToolError } from '../../tools/tool.js'
import type { TurnEvent } from '../events.js'
import { sanitizeJson } from './sanitize.js'

export interface ToolRunnerOptions {
  turnId: string
  tools: readonly Tool[]
  /** what former attempts of the turn have done, in order */
  doneCalls: readonly ToolCall[]
  /** how many calls a turn may make */
  maxCalls: number
  /** how long a call may take */
  timeoutMs: number
  /** the turn's */
  signal: AbortSignal
  log: { warn(fields: object, text: string): void }
}

/** A call that the model asks for; with a invalidReason it is not to be made. */
export interface RequestedCall extends ToolCall {
  invalidReason?: string
}

type CallResult = Extract<TurnEvent, { type: 'tool-result' | 'tool-error' }>

const isSame = (one: ToolCall, other: ToolCall): boolean =>
  one.name === other.name && stringify(one.arguments) === stringify(other.arguments)

/** Makes a turn's tool calls: bounded in number and time, and none again that a former attempt has made. */
export const createToolRunner = (options: ToolRunnerOptions) => {
  const { turnId, doneCalls, maxCalls, timeoutMs, signal, log } = options
  // Every call that runs listens to it, and many may at once.
  setMaxListeners(0, signal)
  const tools = new Map(options.tools.map((tool) => [tool.name, tool]))
  const replayable = [...doneCalls]
  const succeeded = new Map<string, number>()
  let calls = 0

  const count = ({ name, arguments: args }: ToolCall): number => succeeded.get(stringify([name, args])) ?? 0

  /**
   * The same for the same call of another attempt: one with this name and these arguments, after so many that succeeded.
   * One that failed may have done its work, so when it is made again that is no other call.
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

  const callTool = (tool: Tool, args: ToolCall['arguments'], key: string): Promise<unknown> =>
    withTimeout(signal, timeoutMs, async (limit) => {
      try {
        return await untilAborted(tool.call(args, { key, signal: limit }), limit)
      } catch (error) {
        signal.throwIfAborted()
        if (limit.aborted) throw new ToolError(`The tool gave no result within ${timeoutMs / 1_000} s.`)
        throw error
      }
    })

  const errorText = (error: unknown, tool: string): string => {
    signal.throwIfAborted()
    if (error instanceof ToolError) return sanitizeJson(error.message.slice(0, 2_000))
    log.warn({ turn_id: turnId, tool, err: error }, 'a tool failed')
    return 'The tool failed.'
  }

  return {
    isReadOnly: (call: ToolCall): boolean => tools.get(call.name)?.readOnly === true,

    /** whether another call may be made */
    hasRoom: (): boolean => calls < maxCalls,

    /** The call's outcome, also when it fails. Throws only when the turn is aborted. */
    async run(call: RequestedCall): Promise<CallResult> {
      const { id, name } = call
      const began = performance.now()
      const duration = () => Math.round(performance.now() - began)
      try {
        calls += 1
        const tool = tools.get(name)
        if (calls > maxCalls)
          throw new ToolError(`Not called: a turn may make ${maxCalls} calls, and has made them.`)
        if (call.invalidReason !== undefined) throw new ToolError(call.invalidReason)
        if (!tool) throw new ToolError('There is no tool of this name.')
        const done = tool.readOnly ? undefined : takeFinishedCall(call)
        if (done) {
          succeed(call)
          return {
            type: 'tool-result',
            id,
            result: done.result,
            duration_ms: done.duration_ms,
            replayed: true,
          }
        }
        const result = await callTool(tool, call.arguments, keyOf(call))
        succeed(call)
        // As it is stored, so that the model is told the same now and later.
        return { type: 'tool-result', id, result: sanitizeJson(result ?? null), duration_ms: duration() }
      } catch (error) {
        return { type: 'tool-error', id, error: errorText(error, name), duration_ms: duration() }
      }
    },
  }
}
