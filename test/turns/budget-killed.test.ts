import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { upstream } from '../helpers/upstream.js'
import { until } from '../helpers/wait.js'

/** `TEST_SENDS=1000 npm test -- test/turns/budget-killed.test.ts` is the long form. */
const sends = Number(process.env.TEST_SENDS ?? 150)
/** In tokens and, at a price of 1 for a million, in microunits. */
const most = 100
/** Soon spent, but not before servers are killed. */
const budget = 10 * sends
/** for all users together */
const totalBudget = 20 * sends
/** Every other send is the first one's, who so spends the whole of the own budget before all is spent. */
const others = ['bob', 'cid', 'dan']

const refusals = ['budget-exceeded', 'service-budget-exceeded', 'turn-in-progress']
/** What hundreds at once may be told on a small machine. */
if (sends > 150) refusals.push('turn-interrupted', 'database-unavailable')

const folder = mkdtempSync(join(tmpdir(), 'budget-'))
t.teardown(() => rmSync(folder, { recursive: true }))

/**
 * A provider that writes down what it wants to be paid, by user and for all: for an answer that is cut off, the most that it might have
 * been.
 */
const billing = async () => {
  const provider = await upstream(t)
  const billed = new Map<string, number>()
  const peaks = new Map<string, number>()
  const bill = (user: string, amount: number): void => {
    for (const who of [user, 'all']) {
      const sum = (billed.get(who) ?? 0) + amount
      billed.set(who, sum)
      peaks.set(who, Math.max(peaks.get(who) ?? 0, sum))
    }
  }
  let answers = 0
  provider.answer(async (response, { body }) => {
    const [at, max] = [answers, body.max_tokens]
    const [user = ''] = body.messages.at(-1).content.split(' ')
    answers += 1
    bill(user, max)
    const frame = (value: object) =>
      response.write(
        `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', ...value })}\n\n`,
      )
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    frame({ choices: [{ index: 0, delta: { role: 'assistant', content: 'so ' } }] })
    await sleep(50 + (at % 7) * 40)
    const tokens = (at * 37) % (max + 1)
    if (response.destroyed) return
    frame({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
    frame({ choices: [], usage: { prompt_tokens: 5, completion_tokens: tokens, total_tokens: 5 + tokens } })
    // What nobody has received may be billed in full.
    response.end('data: [DONE]\n\n', () => bill(user, tokens - max))
  })
  return { provider, peakOf: (who: string) => peaks.get(who) ?? 0, answers: () => answers }
}

t.test(
  'however many are sent by however many users to instances that are killed, no budget is passed',
  async (t) => {
    const { url, superuserUrl } = await testDatabase(t)
    const owner = postgres(superuserUrl, { max: 1, onnotice: () => {} })
    t.teardown(() => owner.end())
    const { provider, peakOf, answers } = await billing()
    const prices = join(folder, 'prices.json')
    writeFileSync(prices, JSON.stringify({ currency: 'USD', models: { '*': { input: '0', output: '1' } } }))
    const env = {
      DATABASE_URL: url,
      BETTER_AUTH_SECRET: SECRET,
      LOG_LEVEL: 'info',
      CHAT_MODEL: 'openai-compatible/m',
      OPENAI_COMPATIBLE_BASE_URL: `${provider.url}/v1`,
      CHAT_PRICES: prices,
      CHAT_MAX_OUTPUT_TOKENS: String(most),
      CHAT_USER_BUDGET_PER_MONTH: String(budget / 1e6),
      CHAT_BUDGET_PER_MONTH: String(totalBudget / 1e6),
      CHAT_USER_RUNNING_TURNS: '1000',
      CHAT_LEASE_MS: '2000',
      DATABASE_POOL_MAX: '5',
    }
    const servers = await Promise.all([1, 2, 3].map(() => startServer(t, { env })))
    const statuses = new Map<number | string, number>()
    let next = 0
    const nextUser = () => ((next + 1) % 2 === 0 ? 'alice' : (others[(next + 1) % others.length] ?? ''))
    const send = async (user = nextUser(), conversation_id?: string): Promise<void> => {
      next += 1
      const server = servers[next % servers.length]
      const body = JSON.stringify({ message: `${user} sends ${next}`, conversation_id })
      const headers = { authorization: `Bearer ${tokenOf(user)}`, 'content-type': 'application/json' }
      const status = await fetch(`${server?.url}/api/${user}/chat`, { method: 'POST', body, headers }).then(
        async (response) => {
          const answer = (await response.json()) as { code?: string }
          return answer.code ?? response.status
        },
        () => 'cut off',
      )
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
    const wave = (count: number) => Promise.all(Array.from({ length: count }, () => send()))
    const kill = async (n: number) => {
      const before = answers()
      await until(() => answers() > before + 2, 'some turns to run')
      await servers[n]?.end('SIGKILL')
      servers.splice(n, 1)
    }

    await Promise.all([wave(Math.floor(sends / 3)), kill(0)])
    await Promise.all([wave(Math.floor(sends / 3)), kill(0)])
    // Until all turns of the dead have been interrupted, and even the rest of the budget was asked for.
    await wave(sends - 2 * Math.floor(sends / 3))
    await until(async () => {
      await wave(6)
      // Whoever asks in the conversation of a dead turn has it interrupted, whatever is left to spend.
      const dead = await owner<{ user_id: string; conversation_id: string }[]>`
        select user_id, conversation_id from colloquy.turns where status = 'running'`
      await Promise.all(dead.map(({ user_id, conversation_id }) => send(user_id, conversation_id)))
      const [row] = await owner`
      select (select count(*) from colloquy.turns where status = 'running')::integer as running,
        (select sum(cost) from colloquy.usage)::integer as spent`
      return row?.running === 0 && row.spent > totalBudget - most
    }, 'the whole budget to be spent')
    t.comment(`${next} sent to ${answers()} answers: ${JSON.stringify([...statuses])}`)

    const [row] = await owner`
    select sum(t.cost)::integer as cost, count(*) filter (where t.status = 'interrupted')::integer as interrupted,
      sum(t.cost) filter (where t.status = 'interrupted')::integer as held,
      count(*) filter (where t.cost <> t.output_tokens)::integer as inexact, count(t.reserved)::integer as reserved,
      (select sum(u.cost) from colloquy.usage u)::integer as spent,
      (select sum(s.spent) from colloquy.total_spending s)::integer as total
    from colloquy.turns t`
    const peak = peakOf('all')
    t.ok(
      peak <= totalBudget,
      `the provider never had a claim to more than the budget: ${peak} of ${totalBudget}`,
    )
    t.ok(row?.spent <= totalBudget, `nor was more spent: ${row?.spent}`)
    t.equal(row?.total, row?.spent, 'what all users have spent of it is what they spent, to the microunit')
    for (const user of ['alice', ...others])
      t.ok(peakOf(user) <= budget, `nor of one to more than theirs: ${peakOf(user)} for ${user}`)
    t.equal(row?.spent, row?.cost, 'what was spent is what the turns cost, to the microunit')
    t.equal(
      row?.held,
      row?.interrupted * most,
      'a turn of an instance that was killed costs what it reserved',
    )
    t.ok(row?.interrupted > 0, 'some turns were interrupted')
    t.equal(row?.inexact, 0, 'any other what its answer took')
    t.equal(row?.reserved, 0, 'nothing stays reserved')
    t.same(
      [...statuses.keys()].filter((status) => ![200, ...refusals, 'cut off'].includes(status)),
      [],
      'a send is answered, refused, or cut off with its instance',
    )
  },
)
