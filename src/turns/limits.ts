import type { components } from '../../generated/closed/contract.js'

type LimitName = components['schemas']['KnownRateLimit']

/** What one user may do, on all instances together; null: as much as they like. */
export interface UserLimits {
  /** turns at the same time */
  runningTurns: number
  /** messages that wait for a busy conversation at the same time */
  waitingMessages: number
  turnsPerMinute: number | null
  /** per day in UTC, as the tokens */
  turnsPerDay: number | null
  /** a turn that begins below it may end above it */
  tokensPerDay: number | null
  /** what may be spent, in microunits; a turn reserves what it may cost at most */
  budgetPerDay?: number | null | undefined
  /** per month in UTC */
  budgetPerMonth?: number | null | undefined
}

/** What all users together may spend, in microunits; null: as much as they like. */
export interface TotalBudget {
  /** per day in UTC; a turn counts on the day on which it begins */
  perDay: number | null
  perMonth: number | null
}

/** Whether what a user's turns may cost has to be reserved. */
export const hasBudget = ({ budgetPerDay, budgetPerMonth }: Partial<UserLimits>): boolean =>
  typeof budgetPerDay === 'number' || typeof budgetPerMonth === 'number'

/** What one instance takes on at the same time. */
export interface InstanceLimits {
  runningTurns: number
  /** requests that wait for a turn that they have not begun */
  waitingMessages: number
  openStreams: number
}

/** The limit that a message has reached: its user's, or `budget`, that of all users; begin_turns.sql and wait_messages.sql decide. */
export interface LimitRefusal {
  limit: LimitName
  max: number
  /** seconds until it allows more; null when that is up to what runs or waits */
  reset_s: number | null
  /** running turns whose leases have expired */
  lapsed: string[]
}

export const noInstanceLimits: InstanceLimits = {
  runningTurns: Number.POSITIVE_INFINITY,
  waitingMessages: Number.POSITIVE_INFINITY,
  openStreams: Number.POSITIVE_INFINITY,
}
