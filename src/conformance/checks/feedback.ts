import type { Check, Context } from '../check.js'
import { expectEqual, expectErrorAt, expectProblem } from '../samples.js'

const rates = async (context: Context): Promise<void> => {
  const { conversation_id, message_id, user_message_id } = await context.turn()
  const path = { message_id }
  const promise = 'rateMessage 200'
  for (const body of [
    { rating: 'down', comment: ' Why?\n' },
    { rating: null, comment: 'none' },
    { rating: 'up' },
  ]) {
    const rated = await context.call('rateMessage', { path, body, expect: 200 })
    const { rating, comment } = rated.json
    expectEqual({ rating, comment }, { comment: null, ...body }, 'the feedback', promise, rated)
    const got = await context.call('getMessage', { path, expect: 200 })
    expectEqual(got.json.feedback, rated.json, 'the feedback of getMessage', promise, got)
    const query = { order: 'desc', limit: 1 }
    const listed = await context.call('listMessages', { path: { conversation_id }, query, expect: 200 })
    expectEqual(listed.json.data[0], got.json, 'the message of listMessages', promise, listed)
  }
  const body = { rating: null }
  const none = await context.call('rateMessage', { path, body, expect: 200 })
  expectEqual(
    none.json,
    { rating: null, comment: null, updated_at: null },
    'what is taken back',
    'rateMessage: takes it back',
    none,
  )
  const got = await context.call('getMessage', { path, expect: 200 })
  expectEqual('feedback' in got.json, false, 'whether the message has feedback', 'Message: feedback', got)
  const question = { path: { message_id: user_message_id }, body: { rating: 'up' } }
  const refused = await expectProblem(context, 'rateMessage', question, 422, 'validation-failed')
  expectErrorAt(refused, '/path/message_id')
}

/** What users think of answers. */
export const feedbackChecks: Check[] = [
  {
    id: 'feedback',
    title: 'an answer can be rated, and no other message',
    operation: 'rateMessage',
    run: rates,
  },
]
