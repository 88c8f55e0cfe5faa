import type { JsonObject } from '../../json-object.js'
import { toArgumentsText } from './arguments.js'
import { createItems, type HeardItem } from './response-items.js'

interface Call extends HeardItem {
  /** the call's place for the SDK */
  readonly place: number
  /** undefined: only arguments have come */
  item: JsonObject | undefined
  /** as they came in pieces */
  args: string
}

const statuses = ['in_progress', 'completed', 'incomplete']
const textOf = (value: unknown): string => {
  const text = toArgumentsText(value)
  return typeof text === 'string' ? text : ''
}
const idsOf = ({ id, call_id }: JsonObject): unknown[] => [id, call_id]

/** The calls of a response of OpenAI's. Some servers say the arguments in pieces alone, or leave out the beginning or the end. */
export const createResponseCalls = () => {
  const calls = createItems<Call>()

  const create = (ids: unknown[], index: number | undefined): Call => {
    const places = calls.all.map(({ place }) => place)
    const place = index === undefined || places.includes(index) ? Math.max(-1, ...places) + 1 : index
    return calls.add({ ids: new Set(), index, isDone: false, place, item: undefined, args: '' }, ids)
  }
  const event = (type: string, { place, item = {}, args }: Call, status: string): JsonObject => ({
    type,
    output_index: place,
    item: {
      ...item,
      id: item.id ?? item.call_id,
      call_id: item.call_id ?? item.id,
      status: statuses.includes(String(item.status)) ? item.status : status,
      arguments: textOf(item.arguments) || args,
    },
  })
  /** The call that an item is: of two with the same place and other ids, the second is another. */
  const callOf = (item: JsonObject, index: number | undefined, isBegin: boolean): Call => {
    const ids = idsOf(item)
    const isNowhere = index === undefined && ids.every((id) => id === undefined)
    const found = calls.find(ids, index) ?? (isNowhere && !isBegin ? calls.lastOpen() : undefined)
    const { item: begun } = found ?? {}
    const hasOtherId = begun?.call_id !== undefined && item.call_id !== undefined
    const isOther = begun && found !== calls.byId(ids) && (isBegin || hasOtherId)
    return found && !isOther ? calls.bind(found, ids, index) : create(ids, index)
  }
  const end = (call: Call, item: JsonObject): JsonObject[] => {
    if (call.isDone) return []
    call.isDone = true
    call.item = { ...call.item, ...item }
    return [event('response.output_item.done', call, 'completed')]
  }
  /** The call that arguments belong to, which may come before it. */
  const argumentsOf = ({ output_index, item_id }: JsonObject): Call => {
    const index = output_index as number | undefined
    const isNowhere = index === undefined && item_id === undefined
    return (
      calls.find([item_id], index) ?? (isNowhere ? calls.lastOpen() : undefined) ?? create([item_id], index)
    )
  }

  return {
    add(item: JsonObject, index: number | undefined): JsonObject[] {
      const call = callOf(item, index, true)
      if (call.item) return []
      call.item = item
      return [event('response.output_item.added', call, 'in_progress')]
    },
    end: (item: JsonObject, index: number | undefined) => end(callOf(item, index, false), item),
    addArguments({ delta, type, ...about }: JsonObject): JsonObject[] {
      const call = argumentsOf(about)
      const text = textOf(delta)
      call.args += text
      return call.item ? [{ type, item_id: about.item_id ?? '', output_index: call.place, delta: text }] : []
    },
    setArguments({ arguments: args, ...about }: JsonObject): void {
      const call = argumentsOf(about)
      call.args = textOf(args) || call.args
    },
    /** Ends the calls of a whole response that have not come, and, where it is complete, those whose end has not come. */
    endAll(items: readonly { item: JsonObject; index: number }[], isComplete: boolean): JsonObject[] {
      const known = calls.match(items.map(({ item, index }) => ({ ids: idsOf(item), index })))
      const told = items.flatMap(({ item, index }, n) => end(known[n] ?? create(idsOf(item), index), item))
      const open = calls.all.filter(({ item, isDone }) => item && !isDone)
      return [
        ...told,
        ...(isComplete
          ? open.flatMap((call) => end(call, { arguments: call.args || call.item?.arguments }))
          : []),
      ]
    },
  }
}
