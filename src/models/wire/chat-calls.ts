import { isJsonObject, type JsonObject } from '../../json-object.js'
import { parseJson } from '../../parse-json.js'
import { ModelError } from '../model-error.js'
import { toArgumentsText } from './arguments.js'

interface Piece {
  id: string
  name: string
  arguments: string
}
interface Call extends Piece {
  index: number
  /** the name that the SDK has been told; undefined before it knows of the call */
  told: string | undefined
  extra: unknown
}

/** Twice what a turn may make, which is judged where the calls are stored: so those within that are. */
const maxCalls = 2_000

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const wordOf = (value: unknown): string => (typeof value === 'number' ? String(value) : textOf(value).trim())

/** A place, also one that is written as a text. */
export const indexOf = (value: unknown): number | undefined => {
  const index = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return Number.isInteger(index) ? (index as number) : undefined
}

/** A piece of a call. Some servers leave out the `function` around its name and arguments. */
const readPiece = (piece: JsonObject): Piece => {
  const { name, arguments: args } = isJsonObject(piece.function) ? piece.function : piece
  // `"null"` beside the name says that the arguments follow, or that there are none.
  const text = name && args === 'null' ? '' : textOf(toArgumentsText(args))
  return { id: wordOf(piece.id), name: wordOf(name), arguments: text }
}

/** A delta's pieces of calls: a list, one that is in none, or a map by their indexes. */
export const readPieces = (calls: unknown): JsonObject[] => {
  const isMap = isJsonObject(calls) && Object.keys(calls).every((key) => indexOf(key) !== undefined)
  if (!isMap) return [calls ?? []].flat().filter(isJsonObject)
  return Object.entries(calls).flatMap(([index, call]) => (isJsonObject(call) ? { index, ...call } : []))
}

const isWhole = (call: Call): boolean => parseJson(call.arguments) !== undefined

/** Whether a piece with a name begins a call, where a server may as well repeat the id and the name in each piece. */
const isNext = (last: Call, piece: Piece): boolean => {
  if (last.name !== '' && piece.name !== last.name) return true
  const isStart = /^\s*[[{]/.test(piece.arguments)
  const hasOtherId = piece.id !== '' && last.id !== '' && piece.id !== last.id
  return hasOtherId ? isStart || piece.arguments === '' || isWhole(last) : isStart && isWhole(last)
}

/**
 * Gives each call of a response an index of its own. Servers leave the index out, count from 1, or give all calls the same one; the
 * pieces of a call then belong to the one that began last, or to the one with their id.
 */
export const createCalls = () => {
  const taken = new Set<number>()
  const byIndex = new Map<number, Call>()
  const byId = new Map<string, Call>()
  let last: Call | undefined
  let next = 0

  const find = (piece: Piece, index: number | undefined): Call | undefined => {
    const known = piece.id === '' ? undefined : byId.get(piece.id)
    if (index !== undefined) return byIndex.get(index) ?? (piece.name === '' ? known : undefined)
    return known ?? (piece.name === '' ? last : undefined)
  }

  const begin = (piece: Piece, index: number | undefined): Call => {
    if (taken.size === maxCalls) {
      throw new ModelError('model-tool-limit', `the model made more than ${maxCalls} calls in one response`)
    }
    const isFree = index !== undefined && !taken.has(index)
    const call = { ...piece, index: isFree ? index : next, told: undefined, extra: undefined }
    next = Math.max(next, call.index + 1)
    taken.add(call.index)
    if (index !== undefined) byIndex.set(index, call)
    if (call.id !== '') byId.set(call.id, call)
    last = call
    return call
  }

  /** Reads a delta's piece of a call; undefined when it says nothing. */
  return (delta: JsonObject): JsonObject | undefined => {
    const piece = readPiece(delta)
    const index = indexOf(delta.index)
    const found = find(piece, index)
    const isNew = !found || (piece.name !== '' && isNext(found, piece))
    if (isNew && `${piece.id}${piece.name}${piece.arguments}` === '') return undefined
    const call = isNew ? begin(piece, index) : found
    if (!isNew) {
      if (call.id === '' && piece.id !== '') byId.set(piece.id, call)
      call.id ||= piece.id
      call.name ||= piece.name
      // The `{}` that some servers begin with is no part of the arguments.
      call.arguments = call.arguments === '{}' ? piece.arguments || '{}' : call.arguments + piece.arguments
    }
    call.extra ??= delta.extra_content
    // A call that is never named says nothing, unless it has arguments: the SDK refuses those.
    if (call.told === undefined && call.name === '' && /^\s*(\{\})?\s*$/.test(call.arguments))
      return undefined
    const isTold = call.told !== undefined
    const id = isTold ? '' : call.id
    const name = call.told ? '' : call.name
    const args = isTold ? piece.arguments : call.arguments
    call.told = call.name
    return {
      extra_content: delta.extra_content ?? call.extra,
      index: call.index,
      ...(id && { id }),
      function: { ...(name && { name }), arguments: args === '{}' ? '' : args },
    }
  }
}
