import type { Check, Context } from '../check.js'
import { expect, expectEqual, shortMessage } from '../samples.js'
import { expectGone } from './conversations.js'

const promise = 'Conversation: expires_at'

/** The server may let it expire earlier, and never later, than what was set. */
const setsExpiry = async (context: Context): Promise<void> => {
  const wanted = new Date(Date.now() + 3_600_000).toISOString()
  const isBy = (seen: unknown) => typeof seen === 'string' && Date.parse(seen) <= Date.parse(wanted)
  const body = { metadata: { conformance: context.mark }, expires_at: wanted }
  const made = await context.call('createConversation', { body, expect: 201 })
  expect(isBy(made.json.expires_at), `expires_at is ${made.json.expires_at}, not ${wanted}`, promise, made)
  const path = { conversation_id: made.json.id }
  const change = (expires_at: string | null) =>
    context.call('updateConversation', { path, body: { expires_at }, expect: 200 })
  const kept = await change(null)
  expect(kept.json.expires_at !== wanted, 'null does not take expires_at back', promise, kept)
  const set = await change(wanted)
  expect(isBy(set.json.expires_at), `expires_at is ${set.json.expires_at}, not ${wanted}`, promise, set)
  const got = await context.call('getConversation', { path, expect: 200 })
  expectEqual(got.json, set.json, 'getConversation', promise, got)
}

const expires = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const body = { conversation_id, message: shortMessage }
  const { json } = await context.call('createTurn', { body, expect: 200 })
  const path = { conversation_id }
  await context.call('updateConversation', {
    path,
    body: { expires_at: '2020-01-01T00:00:00Z' },
    expect: 200,
  })
  await expectGone(context, { ...json, conversation_id }, promise)
}

const pins = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const path = { conversation_id }
  for (const pinned of [true, false]) {
    const changed = await context.call('updateConversation', { path, body: { pinned }, expect: 200 })
    expectEqual(changed.json.pinned, pinned, 'pinned', 'updateConversation 200', changed)
    for (const asked of [undefined, false, true]) {
      const query = { metadata: { conformance: context.mark }, limit: 100, pinned: asked }
      const listed = await context.call('listConversations', { query, expect: 200 })
      const has = listed.json.data.some(({ id }: { id: string }) => id === conversation_id)
      const message = `pinned=${pinned}: with pinned=${asked ?? 'nothing'} it is ${has ? '' : 'not '}listed`
      expect(has === ((asked ?? pinned) === pinned), message, 'listConversations: pinned', listed)
    }
  }
}

/** How long conversations are kept. */
export const expiryChecks: Check[] = [
  {
    id: 'conversation.expires_at',
    title: 'a conversation expires when it was set to, at the latest',
    operation: 'updateConversation',
    run: setsExpiry,
  },
  {
    id: 'conversation.expired',
    title: 'an expired conversation is gone for every operation',
    operation: 'updateConversation',
    run: expires,
  },
  {
    id: 'conversation.pin',
    title: 'a pinned conversation says so, and is listed by it',
    operation: 'updateConversation',
    run: pins,
  },
]
