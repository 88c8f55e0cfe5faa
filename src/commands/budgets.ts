import type { Config } from '../config.js'
import type { Database } from '../db/database.js'
import { hasBudget, type UserLimits } from '../turns/limits.js'

/** What was spent of the budget for all users, in microunits, with what running turns have reserved. */
export interface Spending {
  today: number
  month: number
}

/** Its rows are of no user. */
export const readSpending = async (db: Database): Promise<Spending> => {
  const [row] = await db.asUser(
    '',
    (sql) => sql<Spending[]>`
      select s.days[extract(day from d.day)::integer]::float8 as today, s.spent::float8 as month
      from (select (colloquy.clock() at time zone 'UTC')::date as day) d
      join colloquy.total_spending s on s.user_id = '' and s.month = date_trunc('month', d.day)::date`,
  )
  return row ?? { today: 0, month: 0 }
}

const amount = (microunits: number): string => {
  const [whole, decimals = ''] = (microunits / 1e6).toFixed(6).split('.')
  return `${whole}.${decimals.replace(/0{1,4}$/, '')}`
}

const periods = (perDay: number | null | undefined, perMonth: number | null | undefined): string =>
  [
    ...(typeof perDay === 'number' ? [`${amount(perDay)} a day`] : []),
    ...(typeof perMonth === 'number' ? [`${amount(perMonth)} a month`] : []),
  ].join(' and ')

const ofUser = ({ budgetPerDay, budgetPerMonth }: Partial<UserLimits>): string =>
  periods(budgetPerDay, budgetPerMonth)

/** The budgets in words, for a configuration that has some. */
export const describeBudgets = (
  { userLimits, totalBudget, prices, titles, compact }: Config,
  spent?: Spending,
): string => {
  const { everybody, plans, users } = userLimits
  const special = [...plans.values(), ...users.values()].filter(hasBudget).length
  const left = spent ? ` (spent: ${amount(spent.today)} today, ${amount(spent.month)} this month)` : ''
  const parts = [
    ...(hasBudget(everybody) ? [`a user ${ofUser(everybody)}`] : []),
    ...(special > 0 ? [`${special} of their own in CHAT_PLANS`] : []),
    ...(totalBudget
      ? [`all users together ${periods(totalBudget.perDay, totalBudget.perMonth)}${left}`]
      : []),
  ]
  const extras =
    titles === 'model' || compact ? '; models make no titles and summaries where there is one' : ''
  return `${parts.join('; ')}, in ${prices?.currency}${extras}`
}
