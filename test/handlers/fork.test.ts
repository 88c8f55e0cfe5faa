import t from 'tap'
import { branchingApp } from '../helpers/branches.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'

t.test('a fork is a copy of a branch up to a message, and has nothing more to do with it', async (t) => {
  const app = await branchingApp(t)
  const { send, texts, list, patch, call } = app
  const fork = (id: string, body: object) => call('POST', `/api/alice/conversations/${id}/fork`, { body })
  const { body: a } = await send({ message: 'a' })
  const { conversation_id: id } = a
  await patch(id, { metadata: { project: 'kitchen' } })
  const { body: b } = await send({ conversation_id: id, message: 'b' })
  await send({ conversation_id: id, parent_id: a.message_id, message: 'B' })
  const { body: again } = await send({ conversation_id: id, regenerate: b.message_id })
  await send({ conversation_id: id, message: 'c' })
  await send({ conversation_id: id, parent_id: a.message_id, message: 'fail' })
  const usage = (await call('GET', '/api/alice/usage')).body

  const { status, body, headers } = await fork(id, { message_id: again.message_id })
  t.equal(status, 201, 'it is made')
  t.equal(
    new URL(headers.get('location') ?? '', `${app.url}/api/alice/conversations/${id}/fork`).pathname,
    `/api/alice/conversations/${body.id}`,
    'its address is told',
  )
  t.same(
    [body.title, body.metadata, body.message_count],
    ['a', { project: 'kitchen' }, 4],
    'it has the same title and metadata',
  )
  t.same((await call('GET', `/api/alice/conversations/${body.id}`)).body, body, 'and is as it is answered')
  const [before, copied] = [await list(id, '?branch=all'), await list(body.id)]
  t.same(
    await texts(body.id),
    ['a', 'A(a)#1', 'b', 'A(b)#4'],
    'it has the messages of the branch, and no others',
  )
  t.same(
    copied.map(({ position }) => position),
    [1, 2, 3, 4],
    'in positions of its own',
  )
  t.same(
    copied.map(({ parent_id }) => parent_id),
    [null, ...copied.slice(0, 3).map(({ id }) => id)],
    'each follows the one before',
  )
  t.same(
    copied.map(({ sibling_count }) => sibling_count),
    [1, 1, 1, 1],
    'without branches',
  )
  const old = new Set(before.flatMap((message) => [message.id, message.turn_id]))
  t.notOk(
    copied.some((message) => old.has(message.id) || old.has(message.turn_id)),
    'all ids are its own',
  )
  const turns = (await call('GET', `/api/alice/conversations/${body.id}/turns`)).body.data
  t.same(
    turns.map((turn: Record<string, string>) => [turn.user_message_id, turn.message_id, turn.status]),
    [
      [copied[0].id, copied[1].id, 'completed'],
      [copied[2].id, copied[3].id, 'completed'],
    ],
    'its turns are its messages',
  )
  t.equal(body.active_message_id, copied[3].id, 'it goes on where it ends')
  t.same((await call('GET', '/api/alice/usage')).body, usage, 'nothing is counted twice')

  await send({ conversation_id: body.id, message: 'd' })
  t.equal(app.last(), 'a>A(a)#1 b>A(b)#4 d', 'the model is told the copy')
  await send({ conversation_id: body.id, regenerate: copied[1].id })
  t.equal(app.last(), 'a', 'which has branches of its own')
  t.same(await list(id, '?branch=all'), before, 'the old conversation stays as it was')

  const failed = (await list(id)).at(-1)
  const { body: torn } = await fork(id, { message_id: failed.id, title: 'With the failure' })
  t.equal(torn.title, 'With the failure', 'it may have a title of its own')
  t.match(
    (await list(torn.id)).at(-1),
    { status: 'failed', error: { code: 'model-failed' } },
    'what failed stays labelled',
  )

  const { body: open } = await fork(id, { message_id: again.user_message_id })
  t.same(await texts(open.id), ['a', 'A(a)#1', 'b'], 'a fork may end with a question')
  t.equal((await list(open.id)).at(-1).turn_id, null, 'which no turn of it has answered')
  await send({ conversation_id: open.id, regenerate: open.active_message_id })
  t.equal(app.last(), 'a>A(a)#1 b', 'and is answered when it is asked for')
  t.same((await texts(open.id)).length, 4, 'in its place')
  const { body: other } = await fork(id, { message_id: again.user_message_id })
  await send({ conversation_id: other.id, message: 'b, please' })
  t.equal(app.last(), 'a>A(a)#1 b, please', 'or left without an answer')
  t.same(
    (await list(other.id)).map(({ sibling_count }) => sibling_count),
    [1, 1, 1, 1, 1],
    'by the next message',
  )

  t.equal((await call('DELETE', `/api/alice/conversations/${id}`)).status, 204, 'the old one is deleted')
  t.equal((await texts(body.id)).length, 2, 'and the copy stays')
})

t.test('what cannot be forked is refused', async (t) => {
  const app = await branchingApp(t)
  const { body: a } = await app.send({ message: 'a' })
  const { body: b } = await app.send({ message: 'b' })
  const fork = async (id: string, message_id: string) => {
    const { status, body } = await app.call('POST', `/api/alice/conversations/${id}/fork`, {
      body: { message_id },
    })
    return [status, body.code]
  }
  t.same(await fork(unknownId, a.message_id), [404, 'conversation-not-found'], 'an unknown conversation')
  t.same(await fork(a.conversation_id, unknownId), [404, 'message-not-found'], 'an unknown message')
  t.same(await fork(a.conversation_id, b.message_id), [404, 'message-not-found'], 'a message of elsewhere')
  t.equal((await app.call('GET', '/api/alice/conversations')).body.data.length, 2, 'nothing is made')
})
