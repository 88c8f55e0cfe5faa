import { createHash } from 'node:crypto'

/** Where a stream of updates is: up to `at` everything was told, since the time `epoch` of the user's changes. */
export interface Position {
  epoch: string | null
  at: string
}

const time = /^2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/
/** How far the database's clock may have gone back: half of how far read_updates.sql looks back, so nothing is missed. */
const maxClockStepMs = 60_000

/** Whether it is a time as read_updates.sql gives it. Date.parse alone takes 30 February for 2 March. */
const isTime = (text: unknown): text is string =>
  typeof text === 'string' && time.test(text) && new Date(text).toJSON()?.slice(0, 19) === text.slice(0, 19)

const checksum = (userId: string, payload: string): string =>
  createHash('sha256')
    .update(JSON.stringify(['streamUpdates', userId]))
    .update(payload)
    .digest('base64url')
    .slice(0, 16)

/** The position as the id of an event. */
export const encodePosition = (userId: string, { epoch, at }: Position): string => {
  const payload = Buffer.from(JSON.stringify([epoch, at])).toString('base64url')
  return `${payload}.${checksum(userId, payload)}`
}

/** The position that encodePosition has encoded for this user; undefined for any other text. */
export const decodePosition = (userId: string, id: string): Position | undefined => {
  const [payload = '', sum] = id.split('.')
  if (id !== `${payload}.${sum}` || sum !== checksum(userId, payload)) return undefined
  try {
    const [epoch, at] = JSON.parse(Buffer.from(payload, 'base64url').toString())
    return isTime(at) && (epoch === null || isTime(epoch)) ? { epoch, at } : undefined
  } catch {
    return undefined
  }
}

/**
 * Whether nothing came in between that is not told one by one. Where there was nothing of the user, an epoch that begins with what
 * was read now is no break.
 */
export const isUnbroken = (before: Position, now: Position): boolean =>
  before.epoch === now.epoch || (before.epoch === null && now.epoch === now.at)

/** Whether what has changed since then can be told one by one, unless it is more than that (read_updates.sql). */
export const canResume = (position: Position, now: Position): boolean =>
  isUnbroken(position, now) && Date.parse(position.at) - Date.parse(now.at) < maxClockStepMs
