import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readConfig } from '../src/config.js'
import { ConfigError } from '../src/environment.js'
import { limitsOf } from '../src/turns/user-rules.js'

const folder = mkdtempSync(join(tmpdir(), 'plans-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/** The configuration with a file of plans that has this text. */
const withPlans = (text: string, env: Record<string, string> = { CHAT_PLAN_CLAIM: 'plan' }) => {
  const path = join(folder, 'plans.json')
  writeFileSync(path, text)
  return readConfig({ CHAT_PLANS: path, ...env })
}

t.test('a user’s own limits win over the plan’s, and these over everybody’s', async (t) => {
  const plans = {
    free: { running_turns: 2, turns_per_day: 50 },
    pro: { turns_per_minute: null, tokens_per_day: 9 },
  }
  const users = { alice: { running_turns: 7, waiting_messages: 0 } }
  const { userLimits, planClaim } = withPlans(JSON.stringify({ plans, users }), {
    CHAT_PLAN_CLAIM: 'plan',
    CHAT_USER_TURNS_PER_MINUTE: '30',
  })
  t.equal(planClaim, 'plan', 'the claim that names the plan')
  const everybody = {
    ...{ runningTurns: 20, waitingMessages: 50, turnsPerMinute: 30, turnsPerDay: null, tokensPerDay: null },
  }
  t.same(limitsOf(userLimits, 'bob', undefined), everybody, 'without a plan')
  t.same(limitsOf(userLimits, 'bob', 'constructor'), everybody, 'with a plan that there is not')
  t.same(
    limitsOf(userLimits, 'bob', 'free'),
    { ...everybody, runningTurns: 2, turnsPerDay: 50 },
    'with a plan',
  )
  t.same(
    limitsOf(userLimits, 'bob', 'pro'),
    { ...everybody, turnsPerMinute: null, tokensPerDay: 9 },
    'with a plan that lifts a limit',
  )
  t.same(
    limitsOf(userLimits, 'alice', 'free'),
    { ...everybody, runningTurns: 7, waitingMessages: 0, turnsPerDay: 50 },
    'with limits of their own',
  )
  t.same(readConfig({}).userLimits.plans.size, 0, 'and without a file there are none')
})

t.test('a file that is wrong stops the start, and the message says where', async (t) => {
  const bad: [text: string, says: RegExp, env?: Record<string, string>][] = [
    ['{', /CHAT_PLANS must be the path of a file of valid JSON/],
    ['[]', /CHAT_PLANS must be the path of a valid file: at \/:/],
    ['{"plan": {}}', /CHAT_PLANS .* at \/: .*"plan"/],
    ['{"plans": {"free": {"running_turns": 0}}}', /at \/plans\/free\/running_turns:/],
    ['{"plans": {"free": {"running_turns": null}}}', /at \/plans\/free\/running_turns:/],
    ['{"plans": {"free": {"turns_per_minute": 1.5}}}', /at \/plans\/free\/turns_per_minute:/],
    ['{"plans": {"free": {"turns_per_hour": 1}}}', /at \/plans\/free: .*"turns_per_hour"/],
    ['{"users": {"alice": {"tokens_per_day": "9"}}}', /at \/users\/alice\/tokens_per_day:/],
    ['{"users": {"alice": {"budget_per_day": 2}}}', /at \/users\/alice\/budget_per_day:/],
    ['{"users": {"alice": {"budget_per_month": "2,50"}}}', /at \/users\/alice\/budget_per_month:/],
    ['{"plans": {"free": {}}}', /CHAT_PLAN_CLAIM must be set/, {}],
  ]
  for (const [text, says, env] of bad) {
    t.throws(() => withPlans(text, env), { message: says, constructor: ConfigError }, text)
  }
  t.throws(
    () => readConfig({ CHAT_PLANS: join(folder, 'none.json') }),
    { message: /CHAT_PLANS .*ENOENT/ },
    'no file',
  )
})

t.test('budgets are amounts of money, and need the prices of all models', async (t) => {
  const { userLimits } = withPlans(
    '{"users": {"alice": {"budget_per_day": "0.000001", "budget_per_month": null}}}',
    {
      CHAT_USER_BUDGET_PER_MONTH: '2.5',
    },
  )
  t.match(limitsOf(userLimits, 'bob', undefined), { budgetPerMonth: 2_500_000 }, 'in microunits')
  const alice = limitsOf(userLimits, 'alice', undefined)
  t.match(alice, { budgetPerDay: 1, budgetPerMonth: null }, 'a user has another one, or none')
  t.notOk('budgetPerDay' in readConfig({ CHAT_USER_BUDGET_PER_DAY: '0' }).userLimits.everybody, '0 is none')
  for (const value of ['-1', '1e3', '0.0000001', '1000000', 'much'])
    t.throws(
      () => readConfig({ CHAT_USER_BUDGET_PER_DAY: value }),
      { message: /CHAT_USER_BUDGET_PER_DAY must be an amount of money/, constructor: ConfigError },
      value,
    )
  const unpriced = {
    CHAT_MODEL: 'openai/gpt-5.4',
    CHAT_MODELS: 'echo|openai-compatible/x',
    CHAT_USER_BUDGET_PER_DAY: '1',
  }
  t.throws(
    () => readConfig(unpriced),
    { message: /CHAT_PRICES .* openai-compatible\/x/ },
    'also of a fallback',
  )
  t.ok(readConfig({ ...unpriced, CHAT_MODELS: 'echo' }), 'but echo costs nothing')
})

t.test('so is the budget for all users', async (t) => {
  const totalOf = (env: Record<string, string>) => readConfig(env).totalBudget
  t.equal(totalOf({}), undefined, 'there is none')
  t.equal(totalOf({ CHAT_BUDGET_PER_DAY: '0', CHAT_BUDGET_PER_MONTH: '' }), undefined, '0 is none')
  t.same(totalOf({ CHAT_BUDGET_PER_DAY: '2.5' }), { perDay: 2_500_000, perMonth: null }, 'of a day')
  t.same(totalOf({ CHAT_BUDGET_PER_MONTH: '0.000001' }), { perDay: null, perMonth: 1 }, 'of a month')
  for (const name of ['CHAT_BUDGET_PER_DAY', 'CHAT_BUDGET_PER_MONTH']) {
    for (const value of ['-1', '0.0000001', '1000000', '1,5'])
      t.throws(
        () => readConfig({ [name]: value }),
        { message: new RegExp(`^${name} must be an amount of money`), constructor: ConfigError },
        `${name}=${value}`,
      )
    t.throws(
      () => readConfig({ CHAT_MODEL: 'openai-compatible/x', [name]: '1' }),
      { message: /CHAT_PRICES .* openai-compatible\/x/ },
      `${name} needs the price of every model`,
    )
  }
})
