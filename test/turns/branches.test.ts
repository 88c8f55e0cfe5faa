import t from 'tap'
import { branchingApp } from '../helpers/branches.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'

t.test('an edited message, another answer and a new beginning are branches of their own', async (t) => {
  const app = await branchingApp(t)
  const { send, last } = app
  const { body: a } = await send({ message: 'a' })
  const { conversation_id } = a
  const { body: b } = await send({ conversation_id, message: 'b' })
  await send({ conversation_id, message: 'c' })
  t.equal(last(), 'a>A(a)#1 b>A(b)#2 c', 'a conversation without branches is told whole')

  const { body: edited } = await send({ conversation_id, parent_id: a.message_id, message: 'B' })
  t.equal(last(), 'a>A(a)#1 B', 'an edited message is told what comes before it')
  await send({ conversation_id, message: 'C' })
  t.equal(last(), 'a>A(a)#1 B>A(B)#4 C', 'and its branch goes on')

  const { body: again } = await send({ conversation_id, regenerate: b.message_id })
  t.equal(last(), 'a>A(a)#1 b', 'another answer is asked for with the same message and what came before it')
  t.equal(again.user_message_id, b.user_message_id, 'it answers the same message')
  t.not(again.message_id, b.message_id, 'and is a message of its own')
  await send({ conversation_id, message: 'd' })
  t.equal(last(), 'a>A(a)#1 b>A(b)#6 d', 'the next message follows the newest answer')

  await send({ conversation_id, parent_id: null, message: 'z' })
  t.equal(last(), 'z', 'null begins anew')
  await send({ conversation_id, message: 'y' })
  t.equal(last(), 'z>A(z)#8 y', 'and that goes on, too')
  await send({ conversation_id, parent_id: edited.message_id, message: 'x' })
  t.equal(last(), 'a>A(a)#1 B>A(B)#4 x', 'an old branch goes on at any of its answers')
  await send({ conversation_id, regenerate: a.user_message_id })
  t.equal(last(), 'a', 'a message can be named for another answer as well')

  const all = await app.list(conversation_id, '?limit=100&branch=all')
  t.same(
    all.map(({ position }) => position),
    Array.from({ length: all.length }, (_, n) => n + 1),
    'the log is only ever appended to, without gaps',
  )
  t.equal(all.length, 20, 'and has every message')
})

t.test('what does not fit is refused, and begins nothing', async (t) => {
  const { send, app: _, ...app } = await branchingApp(t)
  const { body: a } = await send({ message: 'a' })
  const { conversation_id, message_id, user_message_id } = a
  const { body: other } = await send({ message: 'other' })
  const refusals: [string, Parameters<typeof send>[0], number, string][] = [
    ['an unknown parent', { conversation_id, parent_id: unknownId, message: 'x' }, 404, 'message-not-found'],
    [
      'a parent of another conversation',
      { conversation_id, parent_id: other.message_id, message: 'x' },
      404,
      'message-not-found',
    ],
    ['an unknown answer', { conversation_id, regenerate: unknownId }, 404, 'message-not-found'],
    [
      'an answer of another conversation',
      { conversation_id, regenerate: other.message_id },
      404,
      'message-not-found',
    ],
    [
      'an unknown conversation',
      { conversation_id: unknownId, regenerate: message_id },
      404,
      'conversation-not-found',
    ],
    [
      'a parent that is a question',
      { conversation_id, parent_id: user_message_id, message: 'x' },
      422,
      '/body/parent_id value',
    ],
    [
      'a parent beside regenerate',
      { conversation_id, parent_id: message_id, regenerate: message_id },
      422,
      '/body/parent_id order',
    ],
    [
      'no parent beside regenerate',
      { conversation_id, parent_id: null, regenerate: message_id },
      422,
      '/body/parent_id order',
    ],
    [
      'a message beside regenerate',
      { conversation_id, message: 'x', regenerate: message_id },
      422,
      '/body/message order',
    ],
    [
      'regenerate without its conversation',
      { regenerate: message_id },
      422,
      '/body/conversation_id required',
    ],
    [
      'a parent without its conversation',
      { parent_id: message_id, message: 'x' },
      422,
      '/body/conversation_id required',
    ],
    ['neither message nor regenerate', { conversation_id }, 422, '/body/message required'],
  ]
  for (const [what, body, status, why] of refusals) {
    const answer = await send(body, `key-of-${what.replaceAll(' ', '-')}`)
    const { code, errors = [] } = answer.body
    const found =
      status === 404 ? code : errors.map((e: { path: string; code: string }) => `${e.path} ${e.code}`).join()
    t.same([answer.status, found], [status, why], what)
    // A refusal is not remembered.
    const { body: kept } = await send({ message: `after ${what}` }, `key-of-${what.replaceAll(' ', '-')}`)
    t.equal(kept.status, 'completed', `the key of ${what} is free`)
  }
  t.equal((await app.list(conversation_id, '?branch=all')).length, 2, 'nothing was written')
  const { body: begun, status } = await send({ parent_id: null, message: 'new' })
  t.equal(status, 200, 'null without a conversation begins one')
  t.equal((await app.list(begun.conversation_id)).length, 2, 'as it does without')
})

t.test(
  'a key replays an edited turn and another answer, and tries a failed one again in its place',
  async (t) => {
    const { send, last, list, texts } = await branchingApp(t)
    const { body: a } = await send({ message: 'a' })
    const { conversation_id } = a
    await send({ conversation_id, message: 'b' })
    for (const body of [
      { conversation_id, parent_id: a.message_id, message: 'B' },
      { conversation_id, regenerate: a.message_id },
      { conversation_id, parent_id: null, message: 'z' },
    ]) {
      const first = await send(body, JSON.stringify(body))
      const second = await send(body, JSON.stringify(body))
      t.same(second.body, first.body, 'the same request is answered again')
      t.equal(second.headers.get('idempotency-replayed'), 'true', 'and says so')
    }
    const { status } = await send(
      { conversation_id, parent_id: a.message_id, message: 'B' },
      JSON.stringify({ conversation_id, regenerate: a.message_id }),
    )
    t.equal(status, 422, 'a key belongs to its place, too')
    const before = await list(conversation_id, '?limit=100&branch=all')

    const edit = { conversation_id, parent_id: a.message_id, message: 'fail' }
    t.equal((await send(edit, 'k')).status, 502, 'a turn fails on its branch')
    t.equal((await send(edit, 'k')).status, 502, 'and is tried again')
    t.equal(last(), 'a>A(a)#1 fail', 'with the same history')
    const asked = await list(conversation_id)
    t.equal(
      (await list(conversation_id, '?limit=100&branch=all')).length,
      before.length + 2,
      'as the same turn',
    )

    const again = { conversation_id, regenerate: asked.at(-1).id }
    t.equal((await send(again, 'l')).status, 502, 'another answer fails')
    t.equal((await send(again, 'l')).status, 502, 'and is tried again')
    t.equal(last(), 'a>A(a)#1 fail', 'with the same history and message')
    t.equal(
      (await list(conversation_id, '?limit=100&branch=all')).length,
      before.length + 3,
      'as the same turn',
    )
    t.same(await texts(conversation_id), ['a', 'A(a)#1', 'fail', ''], 'and is the active branch')
    t.equal((await send(edit, 'k')).status, 502, 'the earlier turn is the last no more')
    t.equal(
      (await list(conversation_id, '?limit=100&branch=all')).length,
      before.length + 3,
      'so its outcome is replayed',
    )
  },
)
