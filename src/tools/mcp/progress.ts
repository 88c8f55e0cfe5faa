import { isJsonObject, type JsonObject } from '../../json-object.js'
import type { ToolProgress } from '../tool.js'

/** What a request is told of its progress. */
export interface ProgressListener {
  /** the token that its notifications name */
  token: number
  onProgress(progress: ToolProgress): void
}

/** Takes a message that is a progress notification, which nobody else needs to see; false for any other message. */
export type TakeProgress = (message: unknown) => boolean

/** The contract's limit for a number. */
const MAX_NUMBER = 1_000_000_000
const MAX_MESSAGE_LENGTH = 300

let lastToken = 0
export const newProgressToken = (): number => {
  lastToken += 1
  return lastToken
}

/** Some servers write numbers as texts. */
const toNumber = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() !== '' ? Number(value) : value

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

/** Reads a notification's parameters; undefined when they tell no progress. What is too large for the contract is told in percent. */
const toProgress = ({ message, ...params }: JsonObject): ToolProgress | undefined => {
  const [progress, total] = [params.progress, params.total].map(toNumber)
  if (!isCount(progress)) return undefined
  const goal = isCount(total) && total > 0 ? total : undefined
  const isLarge = Math.max(progress, goal ?? 0) > MAX_NUMBER
  if (isLarge && (goal === undefined || progress > goal)) return undefined
  return {
    progress: isLarge && goal !== undefined ? (100 * progress) / goal : progress,
    ...(goal !== undefined && { total: isLarge ? 100 : goal }),
    ...(typeof message === 'string' &&
      message !== '' && { message: message.slice(0, MAX_MESSAGE_LENGTH).toWellFormed() }),
  }
}

/** Passes progress notifications to the request that they name. `find` takes the token as text. */
export const createProgressTaker =
  (find: (token: string) => ProgressListener | undefined): TakeProgress =>
  (message) => {
    if (!isJsonObject(message) || message.method !== 'notifications/progress') return false
    const params = isJsonObject(message.params) ? message.params : {}
    const progress = toProgress(params)
    if (progress) find(String(params.progressToken))?.onProgress(progress)
    return true
  }

/** How many bytes of notifications are free at once, and per second. */
const FREE_BYTES = 4 * 2 ** 20

/**
 * A token bucket for the bytes of progress notifications, which do not count as a response: a call may run for an hour. A flood does.
 */
export const createFreeBytes = (
  now: () => number = () => performance.now(),
): ((bytes: number) => boolean) => {
  let free = FREE_BYTES
  let at = now()
  return (bytes) => {
    const then = at
    at = now()
    free = Math.min(FREE_BYTES, free + ((at - then) / 1_000) * FREE_BYTES)
    if (bytes > free) return false
    free -= bytes
    return true
  }
}
