import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../src/db/database.js'
import { emptyAnswer } from '../../src/turns/events.js'
import { type BeginTurn, type Begun, beginTurns } from '../../src/turns/store/begin-turns.js'
import { type Ended, type EndTurn, endTurns } from '../../src/turns/store/end-turns.js'

/** A turn of alice's in a new conversation, with ids of its own; in another when `conversationId` is given. */
export const newTurn = (fields: Partial<BeginTurn> = {}): BeginTurn => ({
  userId: 'alice',
  isNewConversation: fields.conversationId === undefined,
  conversationId: uuidv7(),
  turnId: uuidv7(),
  userMessageId: uuidv7(),
  messageId: uuidv7(),
  message: 'hi',
  title: 'hi',
  model: 'echo',
  leaseMs: 60_000,
  historyMessages: 40,
  historyTokens: 16_000,
  windowSize: 16_000,
  ...fields,
})

/** The end of a turn's first attempt, without a word. */
export const endOf = ({ userId, turnId, model }: BeginTurn, fields: Partial<EndTurn> = {}): EndTurn => ({
  userId,
  turnId,
  attempt: 1,
  model,
  status: 'completed',
  answer: emptyAnswer(),
  cost: null,
  errorCode: null,
  windowTokens: 1,
  historyCalls: null,
  continuation: null,
  windowSize: 16_000,
  windowStart: null,
  hasEvents: true,
  ...fields,
})

/** Begins one turn, as the program does. */
export const begin = async (db: Database, turn: BeginTurn): Promise<Begun> => {
  const [begun] = await beginTurns(db, [turn], true)
  return begun as Begun
}

/** Ends one attempt, as the program does. */
export const end = async (db: Database, turn: EndTurn): Promise<Ended['outcome']> => {
  const [ended] = await endTurns(db, [turn], true)
  return (ended as Ended).outcome
}
