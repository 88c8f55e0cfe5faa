import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'
import { gatedModel, until } from '../helpers/models.js'

t.test('the turns of a conversation, as getTurn gives each, in the order in which they began', async (t) => {
  const gated = gatedModel()
  const { call, chat } = await testApp(t, { otherModels: [gated.model] })
  const { conversation_id } = await chat('first')
  for (const message of ['second', 'third']) await chat(message, { conversation_id })
  await chat('another conversation')
  const body = { message: 'runs', conversation_id, model: 'gated' }
  const running = call('POST', '/api/alice/chat', { body })
  await until(() => gated.working() === 1, 'the last turn to run')

  const path = `/api/alice/conversations/${conversation_id}/turns`
  const { data } = (await call('GET', path)).body
  t.same(
    data.map(({ status }: Json) => status),
    ['completed', 'completed', 'completed', 'running'],
    'the ended ones, and the one that runs',
  )
  for (const turn of data) {
    t.same(
      (await call('GET', `/api/alice/turns/${turn.id}`)).body,
      turn,
      `turn ${turn.status} is as getTurn gives it`,
    )
  }
  const walked: Json[] = []
  for (let query = '?order=desc&limit=3'; ; ) {
    const page = (await call('GET', path + query)).body
    walked.push(...page.data)
    if (page.next_cursor === null) break
    query = `?order=desc&limit=3&cursor=${page.next_cursor}`
  }
  t.same(walked, data.toReversed(), 'newest first, page by page')
  gated.open()
  await running
})

t.test('of a conversation that is not there, or is another user’s, there is no list', async (t) => {
  const { call, chat } = await testApp(t)
  const { conversation_id } = await chat('hi')
  const unknown = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
  for (const [user, id] of [
    ['alice', unknown],
    ['bob', conversation_id],
  ] as const) {
    const answer = await call('GET', `/api/${user}/conversations/${id}/turns`, { user })
    t.match(answer, { status: 404, body: { code: 'conversation-not-found' } }, `${user} ${id}`)
  }
})
