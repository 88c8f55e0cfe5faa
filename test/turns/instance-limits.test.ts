import t from 'tap'
import { noInstanceLimits } from '../../src/turns/limits.js'
import { type Answer, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'

const overloaded = ({ status, body, headers }: Answer) => [status, body.code, headers.get('retry-after')]
const refusal = [503, 'instance-overloaded', '2']
const chat = { body: { message: 'hi' } }

t.test(
  'an instance takes on as many turns and waiting messages as it may, and tells the others',
  async (t) => {
    const gated = gatedModel()
    const instanceLimits = { ...noInstanceLimits, runningTurns: 2, waitingMessages: 1 }
    const { call } = await testApp(t, { model: gated.model, instanceLimits, limits: { busyWaitMs: 30_000 } })
    t.teardown(gated.open)
    const first = call('POST', '/api/alice/chat', chat)
    await until(() => gated.working() === 1)
    const [{ id: conversation_id }] = (await call('GET', '/api/alice/conversations')).body.data
    const inIt = { body: { message: 'hi', conversation_id } }
    const answers: Answer[] = []
    const waiting = [1, 2, 3].map(() => call('POST', '/api/alice/chat', inIt))
    for (const answer of waiting) void answer.then((it) => answers.push(it))
    await until(() => answers.length === 2)
    t.same(answers.map(overloaded), [refusal, refusal], 'one message waits, whoever’s it is')

    // The message that waits asks now and then whether it may begin, and has the second place while it does.
    const accepted = async (): Promise<Answer> => {
      const answer = await call('POST', '/api/bob/chat', { user: 'bob', ...chat })
      return answer.status === 503 ? accepted() : answer
    }
    const second = accepted()
    await until(() => gated.working() === 2)
    t.same(
      overloaded(await call('POST', '/api/carol/chat', { user: 'carol', ...chat })),
      refusal,
      'two turns run',
    )
    t.equal((await call('GET', '/api/alice/conversations')).status, 200, 'reads go on')
    gated.open()
    const ended = await Promise.all([first, second, ...waiting])
    t.equal(ended.filter(({ status }) => status === 200).length, 3, 'what was taken on is answered')
    t.equal(
      (await call('POST', '/api/carol/chat', { user: 'carol', ...chat })).status,
      200,
      'and then others are',
    )
  },
)

t.test('an instance opens as many streams as it may', async (t) => {
  const gated = gatedModel()
  const instanceLimits = { ...noInstanceLimits, openStreams: 2 }
  const { call, stream } = await testApp(t, { model: gated.model, instanceLimits })
  t.teardown(gated.open)
  const first = await stream('POST', '/api/alice/chat', chat)
  const second = await stream('POST', '/api/alice/chat/stream', chat)
  const sse = { headers: { accept: 'text/event-stream' } }
  t.same(
    overloaded(await call('POST', '/api/alice/chat', { ...chat, ...sse })),
    refusal,
    'a third is refused',
  )
  t.equal(gated.asked.length, 2, 'before its turn is begun')
  const whole = call('POST', '/api/alice/chat', chat)
  await until(() => gated.working() === 3, 'a turn without a stream to run')
  gated.open()
  await Promise.all([first.all(), second.all(), whole])
  const third = await stream('POST', '/api/alice/chat', chat)
  t.equal(third.status, 200, 'a stream that has ended makes room')
  await third.all()
})
