import t from 'tap'
import { branchingApp } from '../helpers/branches.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'

/** A conversation `a b c`, with the second message edited twice, its last answer asked for again, and a new beginning. */
const branched = async (app: Awaited<ReturnType<typeof branchingApp>>) => {
  const { send } = app
  const { body: a } = await send({ message: 'a' })
  const { conversation_id } = a
  const { body: b } = await send({ conversation_id, message: 'b' })
  const { body: c } = await send({ conversation_id, message: 'c' })
  const { body: edited } = await send({ conversation_id, parent_id: a.message_id, message: 'B' })
  const { body: again } = await send({ conversation_id, regenerate: edited.message_id })
  const { body: begun } = await send({ conversation_id, parent_id: null, message: 'z' })
  return { conversation_id, a, b, c, edited, again, begun }
}

t.test('lists have the active branch, and say where branches part', async (t) => {
  const app = await branchingApp(t)
  const { list, texts, patch } = app
  const { conversation_id: id, a, b, c, edited, again, begun } = await branched(app)
  const get = async () => (await app.call('GET', `/api/alice/conversations/${id}`)).body
  t.same(await texts(id), ['z', 'A(z)#6'], 'what was begun last is the active branch')
  t.equal((await get()).active_message_id, begun.message_id, 'its newest message is named')
  t.equal((await get()).message_count, 11, 'all messages are counted')
  t.same(
    (await list(id, '?branch=all')).map(({ position, parent_id }) => [position, parent_id]),
    [
      [1, null],
      [2, a.user_message_id],
      [3, a.message_id],
      [4, b.user_message_id],
      [5, b.message_id],
      [6, c.user_message_id],
      [7, a.message_id],
      [8, edited.user_message_id],
      [9, edited.user_message_id],
      [10, null],
      [11, begun.user_message_id],
    ],
    'the whole is a tree',
  )

  const chosen = await patch(id, { active_message_id: edited.message_id })
  t.same(
    [chosen.status, chosen.body.active_message_id],
    [200, edited.message_id],
    'a branch is chosen by its message',
  )
  t.same(await texts(id), ['a', 'A(a)#1', 'B', 'A(B)#4'], 'and listed')
  t.same(await texts(id, '?order=desc'), ['A(B)#4', 'B', 'A(a)#1', 'a'], 'in both directions')
  t.same(
    (await list(id)).map(({ sibling_count, sibling_ids }) => [sibling_count, sibling_ids]),
    [
      [2, [a.user_message_id, begun.user_message_id]],
      [1, [a.message_id]],
      [2, [b.user_message_id, edited.user_message_id]],
      [2, [edited.message_id, again.message_id]],
    ],
    'each message names its siblings',
  )
  const { body: one } = await app.call('GET', `/api/alice/messages/${again.message_id}`)
  t.same(one.sibling_ids, [edited.message_id, again.message_id], 'so does a message alone')

  await patch(id, { active_message_id: edited.user_message_id })
  t.same((await texts(id)).at(-1), 'A(B)#5', 'of a message whose branches part, the newest is chosen')
  await patch(id, { active_message_id: b.user_message_id, title: 'renamed' })
  t.same((await get()).title, 'renamed', 'together with anything else')
  t.same(await texts(id), ['a', 'A(a)#1', 'b', 'A(b)#2', 'c', 'A(c)#3'], 'down to its end')
  await app.send({ conversation_id: id, message: 'd' })
  t.equal(app.last(), 'a>A(a)#1 b>A(b)#2 c>A(c)#3 d', 'the next message follows the branch that was chosen')
  await patch(id, { active_message_id: begun.message_id })
  await patch(id, { active_message_id: c.message_id })
  await app.send({ conversation_id: id, message: 'e' })
  t.equal(
    app.last(),
    'a>A(a)#1 b>A(b)#2 c>A(c)#3 d>A(d)#7 e',
    'the newest branch goes on when it is chosen again',
  )

  for (const order of ['asc', 'desc']) {
    for (const branch of ['active', 'all']) {
      const whole = await texts(id, `?limit=100&order=${order}&branch=${branch}`)
      const paged: string[] = []
      let cursor: string | null = ''
      do {
        const next: string = cursor === '' ? '' : `&cursor=${cursor}`
        const { body } = await app.call(
          'GET',
          `/api/alice/conversations/${id}/messages?limit=2&order=${order}&branch=${branch}${next}`,
        )
        paged.push(...body.data.map(({ content }: { content: string }) => content))
        cursor = body.next_cursor
      } while (cursor !== null)
      t.same(paged, whole, `the pages of the ${branch} branches are the whole, ${order}`)
    }
  }
  const { body: turns } = await app.call('GET', `/api/alice/conversations/${id}/turns?limit=100`)
  t.same(
    turns.data.map((turn: { message_id: string }) => turn.message_id).slice(0, 6),
    [a, b, c, edited, again, begun].map(({ message_id }) => message_id),
    'the turns of all branches are listed as they began',
  )
  const { body: newest } = await app.call('GET', `/api/alice/conversations/${id}/turns?limit=3&order=desc`)
  t.same(
    newest.data.map((turn: { id: string }) => turn.id),
    turns.data
      .map((turn: { id: string }) => turn.id)
      .slice(-3)
      .reverse(),
    'in both directions',
  )
  const { body: page } = await app.call(
    'GET',
    `/api/alice/conversations/${id}/turns?limit=5&cursor=${(await app.call('GET', `/api/alice/conversations/${id}/turns?limit=4`)).body.next_cursor}`,
  )
  t.equal(page.data[0].message_id, again.message_id, 'a page may begin with another answer')
})

t.test('a branch that cannot be chosen changes nothing', async (t) => {
  const app = await branchingApp(t)
  const { conversation_id: id } = await branched(app)
  const { body: other } = await app.send({ message: 'other' })
  const before = (await app.call('GET', `/api/alice/conversations/${id}`)).body
  for (const active_message_id of [unknownId, other.message_id]) {
    const { status, body } = await app.patch(id, { active_message_id, title: 'no' })
    t.same([status, body.code], [404, 'message-not-found'], 'a message of elsewhere')
  }
  const { status, body } = await app.patch(unknownId, { active_message_id: other.message_id })
  t.same([status, body.code], [404, 'conversation-not-found'], 'an unknown conversation')
  const pairs = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`k${n}`, 'x']))
  const tooMany = await app.patch(id, { active_message_id: before.active_message_id, metadata: pairs })
  t.equal(tooMany.status, 422, 'nor with anything else that is refused')
  t.same((await app.call('GET', `/api/alice/conversations/${id}`)).body, before, 'nothing has changed')
  const { body: plain } = await app.patch(other.conversation_id, { active_message_id: other.user_message_id })
  t.equal(plain.active_message_id, other.message_id, 'a conversation without branches has one')
})
