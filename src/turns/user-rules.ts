import { hasBudget, type UserLimits } from './limits.js'

/** The limits that a plan, or a user, has of its own. */
export type UserRules = Partial<UserLimits>

/** Everybody's limits, and what differs by plan and by user. */
export interface LimitRules {
  everybody: UserLimits
  plans: ReadonlyMap<string, UserRules>
  users: ReadonlyMap<string, UserRules>
}

/** Whether anybody has a budget. */
export const haveBudgets = ({ everybody, plans, users }: LimitRules): boolean =>
  [everybody, ...plans.values(), ...users.values()].some(hasBudget)

/** The limits of one user: their own win over their plan's, and these over everybody's. An unknown plan has none of its own. */
export const limitsOf = (
  { everybody, plans, users }: LimitRules,
  userId: string,
  plan: unknown,
): UserLimits => ({
  ...everybody,
  ...(typeof plan === 'string' ? plans.get(plan) : undefined),
  ...users.get(userId),
})
