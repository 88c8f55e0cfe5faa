import type { View } from '../view.js'

/** What can be broken, and what that means. */
export const rules = {
  gap: 'positions are 1..n, and last_position is the last that was given out',
  interleaved:
    "a conversation is its turns one after the other: a user's message, its answer, each with the one before it as parent",
  'two-running': 'one turn at a time runs, and it is the last of its conversation',
  'no-fate': "every user's message has an explicit fate, the same in its turn and its answer",
  unknown: 'what is stored was sent, to this conversation',
  duplicated: 'an operation is stored at most once, however often it was sent',
  lost: 'what was acknowledged is stored',
  altered: 'what was acknowledged is stored as it was acknowledged',
  order: 'what was acknowledged before something else was first sent has the lower position',
  replay: 'an operation that was acknowledged is acknowledged again, with the mark of a replay',
  refused: 'what was refused every time is not stored',
  unexpected: 'nothing is answered but what a client has to expect',
  'taken-over': 'no attempt begins while another one of the turn runs on an instance that lives',
  deadlock: 'no transaction waits for one that waits for it',
  'ran-unasked': 'nothing runs, and no fate changes, without a request',
  unread: 'what was acknowledged is seen by who reads after that',
  rewritten: 'what was read keeps its place',
  history: 'a model is given the completed turns before its own, whole, and nothing else',
  'over-limit': 'no more turns of a user run at once than may',
  'over-budget': 'what a user has spent, and running turns have reserved, is within the budget',
  undead: 'nothing of a conversation is seen after it was deleted or has expired',
  torn: "a stored answer is a run's own: the whole of it when it completed, else its beginning",
} as const

export type Rule = keyof typeof rules

export interface Violation {
  rule: Rule
  text: string
}

export interface CheckOptions {
  /** whether the run has come to rest; else only what has to hold at any moment is checked */
  settled: boolean
  /** earlier messages at most that the servers give a model */
  historyMessages: number
  /** how long a turn may take */
  turnTimeoutMs: number
  /** how many turns of a user may run at once */
  runningTurns?: number
  /** of users, in microunits */
  budgets?: { [user: string]: number }
}

export type Check = (view: View, options: CheckOptions) => Violation[]
