import { type Problem, problem } from '../problems.js'
import type { LimitRefusal, UserLimits } from '../turns/limits.js'

/** The limits as quota policies (draft-ietf-httpapi-ratelimit-headers-10, section 3). What counts at once has no window. */
const toPolicies = ({
  runningTurns,
  waitingMessages,
  turnsPerMinute,
  turnsPerDay,
  tokensPerDay,
  budgetPerDay,
  budgetPerMonth,
}: UserLimits) =>
  [
    `"running-turns";q=${runningTurns}`,
    `"waiting-messages";q=${waitingMessages}`,
    turnsPerMinute !== null && `"turns-per-minute";q=${turnsPerMinute};w=60`,
    turnsPerDay !== null && `"turns-per-day";q=${turnsPerDay};w=86400`,
    tokensPerDay !== null && `"tokens-per-day";q=${tokensPerDay};w=86400`,
    // In microunits. The window of a month is as long as the longest one.
    typeof budgetPerDay === 'number' && `"budget-per-day";q=${budgetPerDay};w=86400`,
    typeof budgetPerMonth === 'number' && `"budget-per-month";q=${budgetPerMonth};w=2678400`,
  ]
    .filter((policy) => policy !== false)
    .join(', ')

const budgetDetail = (max: number, period: string): string =>
  `Of the ${max / 1e6} that a user may spend in ${period}, too little is left for what this might cost at most.`

const details: Partial<Record<LimitRefusal['limit'], (max: number) => string>> = {
  'running-turns': (max) => `No more than ${max} turns of a user run at once.`,
  'waiting-messages': (max) => `No more than ${max} messages of a user wait at once.`,
  'turns-per-minute': (max) => `No more than ${max} turns of a user begin in a minute.`,
  'turns-per-day': (max) => `No more than ${max} turns of a user begin in a day.`,
  'tokens-per-day': (max) => `The ${max} tokens that a user has for a day are used.`,
  'budget-per-day': (max) => budgetDetail(max, 'a day'),
  'budget-per-month': (max) => budgetDetail(max, 'a month'),
}

/** The problem of a message that has reached a limit of its user's. */
export const limitProblem = (
  refusal: LimitRefusal,
  limits: UserLimits,
): Problem<'rate-limited' | 'budget-exceeded'> => {
  const { limit, max, reset_s } = refusal
  const reset = reset_s === null ? '' : `;t=${Math.max(reset_s, 1)}`
  const detail = details[limit]?.(max)
  return problem(limit.startsWith('budget') ? 'budget-exceeded' : 'rate-limited', {
    limit,
    ...(detail !== undefined && { detail }),
    headers: {
      'retry-after': String(Math.max(reset_s ?? 1, 1)),
      ratelimit: `"${limit}";r=0${reset}`,
      'ratelimit-policy': toPolicies(limits),
    },
  })
}

/** What running turns have reserved may come back at any time, so that it is worth asking before the day or the month is over. */
const mostRetryAfterS = 60

/** The problem of a message for which too little is left of the budget for all users. */
export const totalBudgetProblem = ({ limit, reset_s }: LimitRefusal): Problem<'service-budget-exceeded'> =>
  problem('service-budget-exceeded', {
    limit,
    headers: { 'retry-after': String(Math.min(Math.max(reset_s ?? 1, 1), mostRetryAfterS)) },
  })
