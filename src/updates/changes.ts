import type { components } from '../../generated/closed/contract.js'
import type { UpdateRow } from './read-updates.js'

export type UpdateEvent = components['schemas']['KnownUpdateEvent']

export interface Change {
  /** the same whenever it is read */
  key: string
  event: UpdateEvent
}

type ChangeType = Exclude<UpdateEvent['type'], 'ready' | 'reset'>

/** What comes first of what has the same time. */
const order: ChangeType[] = [
  'conversation-created',
  'turn-started',
  'turn-ended',
  'conversation-updated',
  'conversation-deleted',
]

const rankOf = ({ type }: UpdateRow): number => order.indexOf(type as ChangeType)

const toChange = ({ type, conversation_id, turn_id, attempt, status, at }: UpdateRow): Change => {
  const isTurn = turn_id !== null
  return {
    key: `${type} ${isTurn ? `${turn_id} ${attempt}` : `${conversation_id} ${at}`}`,
    event: {
      type,
      conversation_id,
      ...(isTurn && { turn_id }),
      ...(status !== null && { status }),
    } as UpdateEvent,
  }
}

/** The changes among the rows of a user, in the order in which they happened. */
export const toChanges = (rows: readonly UpdateRow[]): Change[] =>
  rows
    .filter((row) => rankOf(row) >= 0)
    .sort((a, b) => (a.at === b.at ? rankOf(a) - rankOf(b) : String(a.at) < String(b.at) ? -1 : 1))
    .map(toChange)
