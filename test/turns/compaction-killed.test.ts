import postgres from 'postgres'
import t, { type Test } from 'tap'
import type { Json } from '../helpers/app.js'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { chatCompletions as wire } from '../helpers/provider-wire.js'
import { type ServerProcess, startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { events, type Reply, type UpstreamRequest, upstream } from '../helpers/upstream.js'
import { until, within } from '../helpers/wait.js'

const isForSummary = ({ body }: UpstreamRequest): boolean => /Sum up/.test(JSON.stringify(body.messages[0]))

/** Servers of one database, and a provider that answers turns at once and summaries as it is told. */
const setUp = async (t: Test) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = postgres(superuserUrl, { max: 1 })
  t.teardown(() => sql.end())
  const provider = await upstream(t)
  let summing: Reply = events(...wire.answer('They said hello.'))
  const saying = events(...wire.answer('An answer.'))
  provider.answer((response, request) => (isForSummary(request) ? summing : saying)(response, request))
  const env = {
    DATABASE_URL: url,
    BETTER_AUTH_SECRET: SECRET,
    CHAT_MODEL: 'openai-compatible/m',
    OPENAI_COMPATIBLE_BASE_URL: provider.url,
    CHAT_COMPACT: 'on',
    CHAT_HISTORY_MESSAGES: '4',
  }
  const headers = { authorization: `Bearer ${tokenOf('alice')}`, 'content-type': 'application/json' }
  const ask = async (server: ServerProcess, path: string, body?: object): Promise<Json> => {
    const request = body ? { method: 'POST', body: JSON.stringify(body) } : {}
    const response = await within(path, fetch(`${server.url}/api/alice/${path}`, { headers, ...request }))
    t.equal(response.status, 200, `${path} is answered`)
    return response.json()
  }
  return {
    sql,
    start: () => startServer(t, { env }),
    sumUp(reply: Reply): void {
      summing = reply
    },
    turns: () => provider.requests.filter((request) => !isForSummary(request)),
    summaries: () => provider.requests.filter(isForSummary),
    async talk(server: ServerProcess, turns: number, conversation_id?: string): Promise<string> {
      let id = conversation_id
      for (let n = 1; n <= turns; n += 1)
        id = (await ask(server, 'chat', { message: `m${n}`, conversation_id: id })).conversation_id
      return id ?? ''
    },
    async summariesOf(server: ServerProcess, id: string): Promise<Json[]> {
      const { data } = await ask(server, `conversations/${id}/messages?limit=100`)
      return data.filter(({ role }: Json) => role === 'summary')
    },
    async positionsOf(server: ServerProcess, id: string): Promise<number[]> {
      const { data } = await ask(server, `conversations/${id}/messages?limit=100`)
      return data.map(({ position }: Json) => position)
    },
  }
}

/** The first message of the turn that was asked for last. */
const opening = ({ body }: UpstreamRequest): string => body.messages[0].content

t.test('killed between a summary and the next turn: the summary is there on another instance', async (t) => {
  const { start, talk, summariesOf, turns, summaries } = await setUp(t)
  const one = await start()
  const id = await talk(one, 4)
  await until(async () => (await summariesOf(one, id)).length === 1)
  await one.end('SIGKILL')
  const two = await start()
  await talk(two, 1, id)
  const sent = turns().slice(-1).map(opening)
  t.match(sent, [/They said hello\.\n<\/summary.*>\n\nm3$/], 'the next turn begins with it')
  await talk(two, 1, id)
  t.equal(turns().at(-1)?.body.messages[0].content === sent[0], false, 'the window has moved on')
  await until(async () => (await summariesOf(two, id)).length === 2)
  t.equal(summaries().length, 2, 'each summary was made once')
})

t.test('killed while it sums up: another instance does it once the claim has run out', async (t) => {
  const { sql, start, talk, summariesOf, positionsOf, sumUp, summaries, turns } = await setUp(t)
  sumUp(events(wire.begin, 'HANG'))
  const one = await start()
  const id = await talk(one, 4)
  await until(() => summaries().length === 1)
  await one.end('SIGKILL')
  sumUp(events(...wire.answer('By another.')))
  const two = await start()
  await talk(two, 1, id)
  t.equal(summaries().length, 1, 'as long as the claim is valid nobody else sums up')
  t.notMatch(JSON.stringify(turns().at(-1)?.body), /summary/, 'the turn goes on without a summary')
  await sql`update colloquy.conversations set summary_claimed_until = now() - interval '1 second'`
  await talk(two, 1, id)
  await until(async () => (await summariesOf(two, id)).length === 1)
  t.equal(summaries().length, 2, 'it is made once')
  t.match(JSON.stringify(summaries().at(-1)?.body), /m1.*m2/, 'it begins where the first would have begun')
  t.same(
    await positionsOf(two, id),
    Array.from({ length: 13 }, (_, n) => n + 1),
    'no position is left out',
  )
})
