import { Agent, request } from 'node:http'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import type { Model } from '../src/models/model.js'
import { type Json, type TestApp, testApp, tokenOf } from './helpers/app.js'
import { until } from './helpers/wait.js'

const chat = '/api/alice/chat'
const conversations = '/api/alice/conversations'

/** A model that says a first word and then works until it is released, or for ever, deaf to its signal. */
const slowModel = () => {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let begin = () => {}
  const working = new Promise<void>((resolve) => {
    begin = resolve
  })
  const model: Model = {
    name: 'slow',
    async *run() {
      yield { type: 'text-delta', delta: 'First' }
      begin()
      await released
      yield { type: 'text-delta', delta: ' and last' }
      yield {
        type: 'finish',
        usage: {
          input_tokens: 1,
          output_tokens: 1,
          cached_input_tokens: 0,
          reasoning_tokens: 0,
          total_tokens: 2,
        },
      }
    },
  }
  return { model, working, release }
}

/** A client with one connection, which it keeps open; gives the status and the body. */
const keepAliveClient = (t: Test, { url }: TestApp) => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const headers = { authorization: `Bearer ${tokenOf('alice')}` }
  return (path: string) =>
    new Promise<{ status: number; isReused: boolean; body: Json }>((resolve, reject) => {
      const asking = request(`${url}${path}`, { agent, headers }, async (response) => {
        const body = await json(response)
        resolve({ status: response.statusCode ?? 0, isReused: asking.reusedSocket, body })
      })
      asking.on('error', reject).end()
    })
}

/** Begins the shutdown, and waits until new requests notice. */
const beginShutdown = async ({ app, call }: TestApp) => {
  const closed = app.close()
  let ready = await call('GET', '/health/ready')
  const refuses = async () => {
    ready = await call('GET', '/health/ready')
    return ready.status !== 200
  }
  await until(refuses, 'the shutdown to refuse requests')
  return { closed, ready }
}

t.test('a running turn finishes and answers, while everything new gets 503', async (t) => {
  const { model, working, release } = slowModel()
  const running = await testApp(t, { model, shutdownMs: 60_000 })
  const ask = keepAliveClient(t, running)
  t.equal((await ask(conversations)).status, 200)
  const answered = running.call('POST', chat, { body: { message: 'hi' } })
  await working

  const { closed, ready } = await beginShutdown(running)
  t.match(ready, { status: 503, body: { code: 'shutting-down' } })
  const refused = await running.call('POST', chat, { body: { message: 'too late' } })
  t.match(refused, { status: 503, body: { code: 'shutting-down' } })
  t.equal(refused.headers.get('retry-after'), '1')
  t.equal(refused.headers.get('connection'), 'close')
  t.match(await ask(conversations), { status: 503, isReused: true, body: { code: 'shutting-down' } })
  t.equal((await running.call('GET', '/health/live')).status, 200, 'it lives, so that nobody kills it')

  release()
  t.match(await answered, { status: 200, body: { status: 'completed', response: 'First and last' } })
  await closed
  await t.rejects(fetch(`${running.url}/health/live`), 'then nobody listens any more')
})

t.test(
  'before it shuts down, an instance says that it is not ready, and serves what still comes',
  async (t) => {
    const lameDuck = new AbortController()
    const { call } = await testApp(t, { lameDuck: lameDuck.signal })
    const before = await call('GET', '/health/ready')
    t.equal(before.status, 200, 'it is ready')
    t.not(before.headers.get('connection'), 'close', 'and keeps connections open')

    lameDuck.abort()
    t.match(
      await call('GET', '/health/ready'),
      { status: 503, body: { code: 'shutting-down' } },
      'a load balancer learns at once that it is to send requests elsewhere',
    )
    const late = await call('POST', chat, { body: { message: 'hi' } })
    t.match(late, { status: 200, body: { response: 'Echo: hi' } }, 'a request that still comes is served')
    t.equal(late.headers.get('connection'), 'close', 'and the next one will not come on this connection')
    t.equal((await call('GET', '/health/live')).status, 200, 'it lives')
  },
)

t.test('a turn that takes too long is interrupted, with what there is of it', async (t) => {
  const { model, working } = slowModel()
  const stopped = await testApp(t, { model, shutdownMs: 10 })
  const answered = stopped.call('POST', chat, { body: { message: 'hi' } })
  await working
  await stopped.app.close()
  const { status, body, headers } = await answered
  t.match({ status, body }, { status: 503, body: { code: 'turn-interrupted' } })
  t.equal(headers.get('retry-after'), '1')

  const { call, chat: send } = await testApp(t, { databaseUrl: stopped.databaseUrl })
  t.match((await call('GET', `/api/alice/turns/${body.turn_id}`)).body, {
    status: 'interrupted',
    error: { code: 'turn-interrupted' },
    finished_at: String,
  })
  t.match((await call('GET', `${conversations}/${body.conversation_id}/messages`)).body.data, [
    { role: 'user', content: 'hi', position: 1 },
    { role: 'assistant', content: 'First', status: 'interrupted', position: 2 },
  ])
  const next = await send('go on', { conversation_id: body.conversation_id })
  t.equal(next.response, 'Echo: go on', 'another instance goes on with the conversation')
})

t.test(
  'a turn may use all of the time that it has, though it is longer than the framework’s own',
  async (t) => {
    const { model, working, release } = slowModel()
    const app = await testApp(t, { model, shutdownMs: 15_000 })
    const answer = app.call('POST', chat, { body: { message: 'go' } })
    await working
    const { closed } = await beginShutdown(app)
    // Fastify gives its plugins, and their closing, ten seconds unless it is told otherwise.
    setTimeout(release, 10_500)
    t.match(await answer, { status: 200, body: { response: 'First and last' } })
    await t.resolves(closed)
  },
)
