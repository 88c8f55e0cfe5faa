import postgres from 'postgres'
import t from 'tap'
import type { Model } from '../../src/models/model.js'
import { testApp } from '../helpers/app.js'

/** Fails what it is told to, once. */
const fragile = (): Model => {
  let hasFailed = false
  return {
    name: 'fragile',
    async *run({ message }) {
      yield { type: 'text-delta', delta: 'an answer' }
      if (message === 'fail' && !hasFailed) {
        hasFailed = true
        throw new Error('no')
      }
      const none = { input_tokens: null, output_tokens: null, cached_input_tokens: null }
      yield { type: 'finish', usage: { ...none, reasoning_tokens: null, total_tokens: null } }
    },
  }
}

t.test('an answer is rated', async (t) => {
  const app = await testApp(t, { model: fragile() })
  const { call, chat } = app
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const rate = (id: string, body: object) => call('PUT', `/api/alice/messages/${id}/feedback`, { body })
  const feedbackOf = async (id: string) => (await call('GET', `/api/alice/messages/${id}`)).body.feedback
  const answer = await chat('hi')
  const id = answer.message_id

  await t.test('by a thumb and a comment, which the message shows', async (t) => {
    t.equal(await feedbackOf(id), undefined, 'a message that was not rated has none')
    const comment = ' "Nein"\n\u{1f600} \u0007'
    const { status, body } = await rate(id, { rating: 'down', comment })
    t.match([status, body], [200, { rating: 'down', comment, updated_at: /^20.*Z$/ }], 'it is answered')
    t.same(await feedbackOf(id), body, 'getMessage shows it')
    const { body: list } = await call('GET', `/api/alice/conversations/${answer.conversation_id}/messages`)
    t.same(
      list.data.map((message: { feedback?: object }) => message.feedback),
      [undefined, body],
      'so does listMessages, with the answer alone',
    )
    t.match(
      await rate(id, { rating: 'up' }).then(({ body }) => body),
      { rating: 'up', comment: null },
      'anew',
    )
    t.match(await feedbackOf(id), { rating: 'up', comment: null }, 'in place of the former')
    await rate(id, { rating: null, comment: 'undecided' })
    t.match(await feedbackOf(id), { rating: null, comment: 'undecided' }, 'a comment needs no thumb')
    const none = { rating: null, comment: null, updated_at: null }
    t.same((await rate(id, { rating: null })).body, none, 'it can be taken back')
    t.same((await rate(id, { rating: null })).body, none, 'twice')
    t.equal(await feedbackOf(id), undefined, 'and is gone')
    t.equal((await sql`select from colloquy.feedback`).length, 0, 'without a trace')
  })

  await t.test('unless it is none, or the feedback is none', async (t) => {
    const { status, body } = await rate(answer.user_message_id, { rating: 'up' })
    t.match([status, body.errors], [422, [{ path: '/path/message_id' }]], "a user's message is refused")
    const refused = [{}, { rating: 'good' }, { rating: 'up', comment: '' }, { rating: 'up', comment: null }]
    for (const wrong of [...refused, { comment: 'x' }, { rating: 'up', comment: 'x'.repeat(2_001) }])
      t.equal((await rate(id, wrong)).status, 422, `${JSON.stringify(wrong).slice(0, 50)} is refused`)
    t.equal((await rate(id, { rating: 'up', comment: '😀'.repeat(2_000) })).status, 200, 'code points count')
    t.equal(
      (await rate('019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e', { rating: 'up' })).status,
      404,
      'an unknown message is not found',
    )
  })

  await t.test('which goes with it', async (t) => {
    const headers = { 'idempotency-key': 'k' }
    const send = () => call('POST', '/api/alice/chat', { body: { message: 'fail' }, headers })
    const failed = (await send()).body
    const { body: turn } = await call('GET', `/api/alice/turns/${failed.turn_id}`)
    t.equal((await rate(turn.message_id, { rating: 'down' })).status, 200, 'a failed answer can be rated')
    t.equal((await send()).body.message_id, turn.message_id, 'another attempt takes its place')
    t.equal(await feedbackOf(turn.message_id), undefined, 'and has no feedback yet')

    await rate(turn.message_id, { rating: 'up' })
    await call('DELETE', `/api/alice/conversations/${failed.conversation_id}`)
    await call('DELETE', `/api/alice/conversations/${answer.conversation_id}`)
    t.equal((await sql`select from colloquy.feedback`).length, 0, 'it is deleted with the conversation')

    const other = await chat('again')
    await rate(other.message_id, { rating: 'up' })
    const { body } = await call('DELETE', '/api/alice?confirm=alice')
    t.match(body.rows, { messages: 2, feedback: 1 }, 'and erased with the user')
  })
})

t.test('answers may be rated while their conversations are deleted', async (t) => {
  const app = await testApp(t)
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const statuses = new Set<number>()
  for (let n = 0; n < 25; n += 1) {
    const { conversation_id, message_id } = await app.chat('hi')
    const path = `/api/alice/messages/${message_id}/feedback`
    const rated = [1, 2, 3].map(() => app.call('PUT', path, { body: { rating: 'up' } }))
    await app.call('DELETE', `/api/alice/conversations/${conversation_id}`)
    for (const { status } of await Promise.all(rated)) statuses.add(status)
  }
  t.ok(
    [...statuses].every((status) => status === 200 || status === 404),
    `they answer ${[...statuses]}`,
  )
  t.equal((await sql`select from colloquy.feedback`).length, 0, 'no feedback is left behind')
})
