import { setTimeout as delay } from 'node:timers/promises'
import postgres from 'postgres'
import t from 'tap'
import type { ToolProgress } from '../../src/tools/tool.js'
import { testApp } from '../helpers/app.js'
import { renderHook, useChat } from '../helpers/dom.js'
import { type LocalTools, localTools } from '../helpers/local-tools.js'
import { until } from '../helpers/models.js'
import type { SeenFrame, StreamAnswer } from '../helpers/stream.js'
import { turnOf, typesOf } from '../helpers/stream.js'
import { appWith, calling, saying } from '../helpers/tool-turns.js'
import { transportOf } from '../helpers/transport.js'

const chat = '/api/alice/chat'

type Report = (progress: ToolProgress) => void

/** One tool that runs until it is told, and the way to report its progress meanwhile. */
const longTool = () => {
  let report: Report = () => {}
  let finish = () => {}
  let running = 0
  const tools: LocalTools = localTools({
    dig: {
      work: (_, signal, onProgress) => {
        report = onProgress
        running += 1
        return new Promise((resolve, reject) => {
          finish = () => resolve('a hole')
          signal.addEventListener('abort', () => reject(signal.reason))
        })
      },
    },
  })
  return {
    tools,
    started: (times = 1) => until(() => running === times, 'the call'),
    report: (progress: number, rest: Omit<ToolProgress, 'progress'> = {}) => report({ progress, ...rest }),
    finish: () => finish(),
  }
}

const dig = calling(['c1', 'dig', '{}'])
const isProgress = ({ event }: SeenFrame): boolean =>
  event !== '[DONE]' && event.type === 'data-tool-progress'
const progressOf = (stream: StreamAnswer) =>
  stream.frames.filter(isProgress).map(({ event }) => (event as { data: ToolProgress }).data)

t.test('a call’s progress is streamed on every instance, under the same ids', async (t) => {
  const tool = longTool()
  const one = await appWith(t, tool.tools)
  one.provider.answer(dig, saying('Done.'))
  const two = await testApp(t, { databaseUrl: one.databaseUrl })
  const first = await one.stream('POST', chat, { body: { message: 'dig' } })
  const { turn_id } = await turnOf(first)
  await tool.started()
  const path = `/api/alice/turns/${turn_id}/stream`
  const follower = await two.stream('GET', path)
  tool.report(1, { total: 2, message: 'deeper \ud800' })
  const seen = await first.until(isProgress)
  t.same(
    seen?.event,
    {
      type: 'data-tool-progress',
      transient: true,
      data: { tool_call_id: 'c1', progress: 1, total: 2, message: 'deeper \ufffd' },
    },
    'it names the call',
  )
  t.same(await follower.until(isProgress), seen, 'a follower on another instance has the same frame')
  const resumed = await two.stream('GET', path, { headers: { 'last-event-id': seen?.id ?? '' } })
  tool.finish()
  await Promise.all([first.all(), follower.all(), resumed.all()])
  t.same(follower.frames, first.frames, 'and all others')
  const after = first.frames.findIndex(isProgress) + 1
  t.same(resumed.frames, first.frames.slice(after), 'a reader who resumes goes on behind it')
  const types = typesOf(first.frames.map(({ event }) => event))
  const at = types.indexOf('data-tool-progress')
  t.same(
    types.slice(at - 1, at + 2),
    ['tool-input-available', 'data-tool-progress', 'tool-output-available'],
    'in its place',
  )

  const { body: message } = await one.call('GET', `/api/alice/turns/${turn_id}`)
  const { body: stored } = await one.call('GET', `/api/alice/messages/${message.message_id}`)
  t.notMatch(JSON.stringify(stored), /progress|deeper/, 'it is no part of the message')
  const replayed = await two.stream('GET', path)
  t.notOk(typesOf(await replayed.all()).includes('data-tool-progress'), 'nor of the replay of an ended turn')
  t.notMatch(await one.dump(), /deeper/, 'and nothing of it is kept')
})

t.test('however much a tool reports, readers get the latest, now and then', async (t) => {
  const tool = longTool()
  const app = await appWith(t, tool.tools)
  app.provider.answer(dig, saying('Done.'))
  const stream = await app.stream('POST', chat, { body: { message: 'dig' } })
  await tool.started()
  const beganAt = performance.now()
  let reports = 0
  while (performance.now() - beganAt < 1_800) {
    for (let n = 0; n < 100; n += 1) {
      reports += 1
      tool.report(reports)
    }
    // Progress only grows.
    tool.report(reports - 50)
    await delay(1)
  }
  const most = 2 + Math.ceil((performance.now() - beganAt) / 500)
  tool.finish()
  await stream.all()
  const seen = progressOf(stream).map(({ progress }) => progress)
  t.ok(reports > 1_000, `${reports} reports`)
  t.ok(seen.length >= 2 && seen.length <= most, `${seen.length} events, at most two in a second`)
  t.same(
    seen,
    [...seen].sort((a, b) => a - b),
    'they only grow',
  )
  t.equal(seen[0], 1, 'the first report comes at once')
  t.equal(seen.at(-1), reports, 'the last report comes before the result')
})

t.test('progress restarts no limit, and ends with its call and its turn', async (t) => {
  const tool = longTool()
  const app = await appWith(t, tool.tools, { toolTimeoutMs: 700 })
  app.provider.answer(dig, saying('Done.'), dig)
  const reporting = setInterval(() => tool.report(performance.now()), 50)
  t.teardown(() => clearInterval(reporting))
  const answer = await app.chat('dig')
  t.match(
    answer,
    { response: 'Done.', tool_calls: [{ status: 'failed', error: 'The tool gave no result within 0.7 s.' }] },
    'a tool that reports until its limit has failed, in a JSON answer too',
  )

  const stream = await app.stream('POST', chat, { body: { message: 'dig' } })
  await tool.started(2)
  await stream.until(isProgress)
  await app.call('POST', `/api/alice/turns/${(await turnOf(stream)).turn_id}/cancel`)
  const types = typesOf(await stream.all())
  t.same(types.slice(-2), ['abort', '[DONE]'], 'a cancelled turn ends as ever')
})

t.test('an interrupted turn keeps the call, without its progress', async (t) => {
  const tool = longTool()
  const app = await appWith(t, tool.tools)
  app.provider.answer(dig)
  const stream = await app.stream('POST', chat, { body: { message: 'dig' } })
  const { turn_id } = await turnOf(stream)
  await tool.started()
  tool.report(1, { message: 'deeper' })
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  await until(async () => (await app.dump()).includes('deeper'), 'the stored event')
  await sql.begin(async (sql) => {
    await sql`update colloquy.turns set lease_until = now() - interval '1 minute' where id = ${turn_id}`
    await sql`
      select colloquy.interrupt_turn(p_user_id => 'alice', p_turn_id => ${turn_id}, p_cut_off => 'Cut off.')`
  })
  await stream.all()
  const { body: turn } = await app.call('GET', `/api/alice/turns/${turn_id}`)
  const { body: message } = await app.call('GET', `/api/alice/messages/${turn.message_id}`)
  t.match(
    message,
    { status: 'interrupted', tool_calls: [{ name: 'dig', error: 'Cut off.' }] },
    'it is stored',
  )
  t.notMatch(JSON.stringify(message), /progress|deeper/, 'the call has no fields of its progress')
})

t.test('useChat gets it as transient data', async (t) => {
  const tool = longTool()
  const app = await appWith(t, tool.tools)
  app.provider.answer(dig, saying('Done.'))
  const transport = transportOf(app.url)
  const seen: object[] = []
  const page = await renderHook(() =>
    useChat({ transport, onData: (part) => void (part.type === 'data-tool-progress' && seen.push(part)) }),
  )
  t.teardown(page.unmount)
  const sent = page.current.sendMessage({ text: 'dig' })
  await tool.started()
  tool.report(1, { total: 3 })
  await until(() => seen.length === 1, 'the part')
  tool.finish()
  await sent
  t.match(seen, [{ data: { tool_call_id: 'c1', progress: 1, total: 3 } }], 'onData is told')
  const parts = page.current.messages.at(-1)?.parts.map(({ type }) => type)
  t.notOk(parts?.includes('data-tool-progress'), 'the message has no part of it')
  t.ok(parts?.includes('dynamic-tool'), 'but the call')
})
