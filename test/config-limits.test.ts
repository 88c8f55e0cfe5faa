import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { budgetFault, describeBudgets, mostReserved } from '../src/commands/budgets.js'
import { openChat } from '../src/commands/open-chat.js'
import { openModels } from '../src/commands/runtime.js'
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

t.test('a budget that is smaller than what a turn reserves is told', async (t) => {
  const prices = join(folder, 'prices.json')
  const [small, big] = ['openai-compatible/small', 'openai-compatible/big']
  const models = { [small]: { input: '1', output: '1' }, [big]: { input: '2', output: '1' } }
  writeFileSync(prices, JSON.stringify({ currency: 'EUR', models }))
  const env = {
    OPENAI_COMPATIBLE_BASE_URL: 'http://127.0.0.1:1/v1',
    CHAT_MODEL: small,
    CHAT_PRICES: prices,
    CHAT_HISTORY_TOKENS: '20000',
    CHAT_HISTORY_MESSAGES: '40',
    CHAT_MAX_OUTPUT_TOKENS: '1000',
  }
  const reserved = async (more: Record<string, string> = {}) => {
    const config = readConfig({ ...env, ...more })
    const most = mostReserved(config, await openModels(config, { warn() {} }))
    return { config, most, fault: budgetFault(config, most), text: describeBudgets(config, most) }
  }
  // The window in bytes, what providers add, and the answer.
  const amount = 20_000 * 3 + 1_024 + 16 * 42 + 1_000
  t.same((await reserved()).most, { model: small, amount }, 'the whole window and the longest answer')
  t.same(
    (await reserved({ CHAT_MODELS: big })).most,
    { model: big, amount: 2 * (amount - 1_000) + 1_000 },
    'of the dearest model that a message may ask for',
  )
  const fits = await reserved({ CHAT_USER_BUDGET_PER_DAY: String(amount / 1e6) })
  t.equal(fits.fault, undefined, 'a budget may have room for one turn')
  t.equal(fits.text, 'a user 0.062696 a day, in EUR; a turn reserves up to 0.062696', 'doctor says how much')
  const less = String((amount - 1) / 1e6)
  t.match(
    (await reserved({ CHAT_USER_BUDGET_PER_DAY: less })).fault,
    /more than .*\(a user 0\.062695 a day\)/,
  )
  t.match((await reserved({ CHAT_BUDGET_PER_MONTH: less })).fault, /\(all users together 0\.062695 a month\)/)
  const plans = join(folder, 'plans.json')
  const rules = { plans: { free: { budget_per_day: '0.01' }, none: { budget_per_day: '0' } } }
  writeFileSync(plans, JSON.stringify(rules))
  const { fault } = await reserved({ CHAT_PLANS: plans, CHAT_PLAN_CLAIM: 'plan' })
  t.match(fault, /\(a user of the plan free 0\.01 a day\)/, 'a plan that has nothing means it')
  const total = { CHAT_BUDGET_PER_DAY: '1' }
  const warning = 'one user may use up what is for all'
  t.match((await reserved(total)).text, warning, 'where users have no limits, that is said')
  t.notMatch((await reserved({ ...total, CHAT_USER_TURNS_PER_DAY: '9' })).text, warning, 'else not')

  const warnings: string[] = []
  const log = { info() {}, warn: (text: string) => void warnings.push(text) }
  const { config, fault: told } = await reserved({ CHAT_BUDGET_PER_DAY: less })
  const chat = await openChat(config, { db: undefined as never, secret: undefined, log: log as never })
  await chat.tools?.close()
  t.same(warnings, [told], 'a server warns when it starts')
})
