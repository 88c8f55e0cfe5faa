import type { Config } from '../config.js'
import type { Database } from '../db/database.js'
import { toLogText } from '../http/log-text.js'
import type { Model } from '../models/model.js'
import { createAssistants, longestClaim } from '../turns/assistants.js'
import { longestTurn, reservationFor } from '../turns/budget.js'
import { hasBudget, type UserLimits } from '../turns/limits.js'

/** What was spent of the budget for all users, in microunits, with what running turns have reserved. */
export interface Spending {
  today: number
  month: number
}

/** Its rows are of no user. */
export const readSpending = async (db: Database): Promise<Spending> => {
  const [row] = await db.asNobody(
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

/** The most that a turn reserves, in microunits, and the model that it asks. */
export interface Reservation {
  model: string
  amount: number
}

/** As for a turn: of each model that may be asked, with the prompt of each assistant that may ask it. */
export const mostReserved = (
  { assistants, systemPrompt, promptClaims, limits, prices, modelSettings, toolServers }: Config,
  { model, otherModels }: { model: Model; otherModels: readonly Model[] },
): Reservation => {
  const models = [model, ...otherModels]
  const { maxOutputTokens } = modelSettings
  const tools = toolServers.some(({ disabled }) => !disabled) ? {} : undefined
  const { lead } = createAssistants({ assistants, model, systemPrompt })
  const values = {
    userId: 'u'.repeat(128),
    claims: Object.fromEntries(promptClaims.map((name) => [name, longestClaim])),
  }
  const choices = [
    ...models.map(({ name }) => ({ assistant: null, name })),
    ...assistants.flatMap(({ name: assistant, models }) => models.map((name) => ({ assistant, name }))),
  ]
  return choices
    .map(({ assistant, name }): Reservation => {
      const options = {
        ...limits,
        ...{ prices, maxOutputTokens, tools, systemPrompt: lead(assistant, name, values).system },
      }
      const asked = models.find((each) => each.name === name) ?? model
      return { model: asked.name, amount: reservationFor(options, asked, longestTurn) }
    })
    .reduce((a, b) => (a.amount >= b.amount ? a : b))
}

/** What is wrong with budgets in which not every turn has room: it is refused for ever. Who may spend nothing, is not meant to. */
export const budgetFault = (
  { userLimits: { everybody, plans, users }, totalBudget }: Pick<Config, 'userLimits' | 'totalBudget'>,
  most: Reservation,
): string | undefined => {
  const tooSmall = (budget: number | null | undefined) => (budget && budget < most.amount ? budget : null)
  const faults = [
    { whose: 'a user', ...everybody },
    ...[...plans].map(([name, rules]) => ({ whose: `a user of the plan ${toLogText(name)}`, ...rules })),
    ...[...users].map(([name, rules]) => ({ whose: `the user ${toLogText(name)}`, ...rules })),
    {
      whose: 'all users together',
      budgetPerDay: totalBudget?.perDay,
      budgetPerMonth: totalBudget?.perMonth,
    },
  ].flatMap(({ whose, budgetPerDay, budgetPerMonth }) => {
    const small = periods(tooSmall(budgetPerDay), tooSmall(budgetPerMonth))
    return small === '' ? [] : [`${whose} ${small}`]
  })
  if (faults.length === 0) return undefined
  return `a turn with ${most.model} reserves up to ${amount(most.amount)}, which is more than the budget (${faults.join('; ')}), so that messages are refused for ever; raise the budget, or bound the window (CHAT_HISTORY_TOKENS), the answer (CHAT_MAX_OUTPUT_TOKENS) and the requests of a turn (CHAT_TOOL_STEPS)`
}

const isUnbounded = ({ turnsPerDay, tokensPerDay, ...limits }: UserLimits): boolean =>
  turnsPerDay === null && tokensPerDay === null && !hasBudget(limits)

/** The budgets in words, for a configuration that has some. */
export const describeBudgets = (
  { userLimits, totalBudget, prices, titles, compact }: Config,
  most?: Reservation,
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
  const reserves = most ? `; a turn reserves up to ${amount(most.amount)}` : ''
  const warning =
    totalBudget && isUnbounded(everybody)
      ? '; one user may use up what is for all: users have no limit of turns, tokens or money a day'
      : ''
  return `${parts.join('; ')}, in ${prices?.currency}${reserves}${extras}${warning}`
}
