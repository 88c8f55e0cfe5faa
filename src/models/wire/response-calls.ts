import type { JsonObject } from '../../json-object.js'
import { toArgumentsText } from './arguments.js'

interface Call {
  item: JsonObject
  /** as they came in pieces */
  args: string
  isDone: boolean
}

const statuses = ['in_progress', 'completed', 'incomplete']
const textOf = (value: unknown): string => {
  const text = toArgumentsText(value)
  return typeof text === 'string' ? text : ''
}

/** The calls of a response of OpenAI's. Some servers say the arguments in pieces alone, or leave out the end of a call. */
export const createResponseCalls = () => {
  const calls = new Map<number, Call>()

  /** The place of a call that is known by this or by its id; a new one otherwise. */
  const placeOf = (index: unknown, id: unknown): number => {
    if (typeof index === 'number') return index
    const known = [...calls].find(([, { item }]) => id !== undefined && [item.id, item.call_id].includes(id))
    return known?.[0] ?? Math.max(-1, ...calls.keys()) + 1
  }
  const toItem = ({ item, args }: Call, status: string): JsonObject => ({
    ...item,
    id: item.id ?? item.call_id,
    status: statuses.includes(String(item.status)) ? item.status : status,
    arguments: textOf(item.arguments) || args,
  })
  const add = (item: JsonObject, index: unknown): JsonObject[] => {
    const output_index = placeOf(index, item.id ?? item.call_id)
    const call = { item, args: '', isDone: false }
    calls.set(output_index, call)
    return [{ type: 'response.output_item.added', output_index, item: toItem(call, 'in_progress') }]
  }
  const end = (item: JsonObject, index: unknown): JsonObject[] => {
    const output_index = placeOf(index, item.id ?? item.call_id)
    const known = calls.get(output_index)
    const call = { item: { ...known?.item, ...item }, args: known?.args ?? '', isDone: true }
    calls.set(output_index, call)
    return [{ type: 'response.output_item.done', output_index, item: toItem(call, 'completed') }]
  }

  return {
    add,
    end,
    addArguments({ output_index: index, item_id, delta, type }: JsonObject): JsonObject[] {
      const output_index = placeOf(index, item_id)
      const call = calls.get(output_index)
      const text = textOf(delta)
      if (!call) return []
      call.args += text
      return [{ type, item_id: item_id ?? '', output_index, delta: text }]
    },
    setArguments({ output_index: index, item_id, arguments: args }: JsonObject): void {
      const call = calls.get(placeOf(index, item_id))
      if (call) call.args = textOf(args) || call.args
    },
    size: () => calls.size,
    /** Ends the calls whose end has not come. */
    endAll: () =>
      [...calls].flatMap(([index, { item, args, isDone }]) =>
        isDone ? [] : end({ ...item, arguments: args || item.arguments }, index),
      ),
  }
}
