import { z } from 'zod'
import type { EnvironmentReader } from './environment.js'
import { decimalPrice, toMillionths } from './models/prices.js'
import type { InstanceLimits, TotalBudget, UserLimits } from './turns/limits.js'
import type { LimitRules, UserRules } from './turns/user-rules.js'

const maxTurnsPerMinute = 100_000
const maxTurnsPerDay = 10_000_000
const maxTokensPerDay = 1_000_000_000
const maxRunning = 1_000
const maxWaiting = 1_000

const rate = (max: number) => z.number().int().min(1).max(max).nullable().optional()

/** An amount of money, as a text such as "2.50", in microunits. */
const amount = z
  .string()
  .regex(decimalPrice, 'an amount of money, as a text such as "2.50"')
  .transform((text) => Number(toMillionths(text)))
const budget = amount.nullable().optional()

/** What a plan, or a user, has of its own. `null`: no limit; what is left out is as for everybody. */
const rules = z.strictObject({
  running_turns: z.number().int().min(1).max(maxRunning).optional(),
  waiting_messages: z.number().int().min(0).max(maxWaiting).optional(),
  turns_per_minute: rate(maxTurnsPerMinute),
  turns_per_day: rate(maxTurnsPerDay),
  tokens_per_day: rate(maxTokensPerDay),
  budget_per_day: budget,
  budget_per_month: budget,
})

const plansFile = z.strictObject({
  plans: z.record(z.string().min(1).max(100), rules).default({}),
  users: z.record(z.string().min(1).max(128), rules).default({}),
})

const toRules = (own: z.infer<typeof rules>): UserRules => ({
  ...(own.running_turns !== undefined && { runningTurns: own.running_turns }),
  ...(own.waiting_messages !== undefined && { waitingMessages: own.waiting_messages }),
  ...(own.turns_per_minute !== undefined && { turnsPerMinute: own.turns_per_minute }),
  ...(own.turns_per_day !== undefined && { turnsPerDay: own.turns_per_day }),
  ...(own.tokens_per_day !== undefined && { tokensPerDay: own.tokens_per_day }),
  ...(own.budget_per_day !== undefined && { budgetPerDay: own.budget_per_day }),
  ...(own.budget_per_month !== undefined && { budgetPerMonth: own.budget_per_month }),
})

const toMap = (entries: Record<string, z.infer<typeof rules>>): Map<string, UserRules> =>
  new Map(Object.entries(entries).map(([name, own]) => [name, toRules(own)]))

/** Reads what a user and an instance may do at most. Throws ConfigError. */
export const readLimits = ({
  text,
  fail,
  json,
  integer,
  parse,
}: EnvironmentReader): {
  userLimits: LimitRules
  planClaim: string | undefined
  totalBudget: TotalBudget | undefined
  instanceLimits: InstanceLimits
} => {
  /** 0 stands for no limit. */
  const optional = (name: string, max: number): number | null => integer(name, 0, 0, max) || null
  const money = (name: string): number | null =>
    parse(name, amount, 'an amount of money such as 2.50, with at most six decimals') || null
  const [budgetPerDay, budgetPerMonth] = [
    money('CHAT_USER_BUDGET_PER_DAY'),
    money('CHAT_USER_BUDGET_PER_MONTH'),
  ]
  const everybody: UserLimits = {
    runningTurns: integer('CHAT_USER_RUNNING_TURNS', 20, 1, maxRunning),
    waitingMessages: integer('CHAT_USER_WAITING_MESSAGES', 50, 0, maxWaiting),
    turnsPerMinute: optional('CHAT_USER_TURNS_PER_MINUTE', maxTurnsPerMinute),
    turnsPerDay: optional('CHAT_USER_TURNS_PER_DAY', maxTurnsPerDay),
    tokensPerDay: optional('CHAT_USER_TOKENS_PER_DAY', maxTokensPerDay),
    ...(budgetPerDay !== null && { budgetPerDay }),
    ...(budgetPerMonth !== null && { budgetPerMonth }),
  }
  const totalBudget = { perDay: money('CHAT_BUDGET_PER_DAY'), perMonth: money('CHAT_BUDGET_PER_MONTH') }
  const { plans, users } = json('CHAT_PLANS', plansFile) ?? { plans: {}, users: {} }
  const planClaim = text('CHAT_PLAN_CLAIM')
  if (planClaim === undefined && Object.keys(plans).length > 0)
    fail(
      'CHAT_PLAN_CLAIM',
      "set when the file of CHAT_PLANS has plans: the claim of the token that names a user's plan",
    )
  return {
    userLimits: { everybody, plans: toMap(plans), users: toMap(users) },
    planClaim,
    totalBudget: totalBudget.perDay === null && totalBudget.perMonth === null ? undefined : totalBudget,
    instanceLimits: {
      runningTurns: integer('CHAT_MAX_RUNNING_TURNS', 2_000, 1, 100_000),
      waitingMessages: integer('CHAT_MAX_WAITING_MESSAGES', 2_000, 0, 100_000),
      openStreams: integer('CHAT_MAX_STREAMS', 3_000, 1, 100_000),
    },
  }
}
