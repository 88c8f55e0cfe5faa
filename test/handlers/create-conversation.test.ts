import t from 'tap'
import { testApp } from '../helpers/app.js'

const path = '/api/alice/conversations'

t.test('a conversation can be there before its first message, which then gives it a title', async (t) => {
  const { call, chat } = await testApp(t)
  const created = await call('POST', path, { body: {} })
  const { id } = created.body
  const empty = { title: null, archived: false, metadata: {}, message_count: 0, running_turn_id: null }
  t.match(created, { status: 201, body: empty }, 'it is empty, and has no title')
  t.equal(
    new URL(created.headers.get('location') ?? '', `http://colloquy.test${path}`).pathname,
    `${path}/${id}`,
    'Location leads to it',
  )
  t.equal(created.body.last_turn_at, created.body.created_at, 'it is listed by its creation')
  t.same((await call('GET', `${path}/${id}`)).body, created.body, 'it can be read')
  t.same((await call('GET', path)).body.data, [created.body], 'it is listed')
  for (const list of ['messages', 'turns']) {
    t.match(
      await call('GET', `${path}/${id}/${list}`),
      { status: 200, body: { data: [], next_cursor: null } },
      `it has no ${list}`,
    )
  }
  t.equal((await call('GET', `${path}/${id}/stream`)).status, 204, 'nothing runs in it')

  await chat('Buy milk', { conversation_id: id })
  await chat('And bread', { conversation_id: id })
  const { body } = await call('GET', `${path}/${id}`)
  t.match(body, { title: 'Buy milk', message_count: 4 }, 'its first message is its title')
})

t.test('a title and metadata that it is created with stay', async (t) => {
  const { call, chat } = await testApp(t)
  const body = { title: ' Groceries ', metadata: { project: 'kitchen' } }
  const created = await call('POST', path, { body })
  t.match(created, { status: 201, body }, 'it has both')
  await chat('hi', { conversation_id: created.body.id })
  t.match((await call('GET', `${path}/${created.body.id}`)).body, body, 'and keeps them')
})

t.test('what it cannot be created with is refused', async (t) => {
  const { call } = await testApp(t)
  const bad: [body: unknown, at: string, code: string][] = [
    [{ title: ' ' }, '/body/title', 'format'],
    [{ title: null }, '/body/title', 'type'],
    [{ metadata: { a: null } }, '/body/metadata/a', 'type'],
    [{ archived: true }, '/body/archived', 'unknown'],
    [[], '/body', 'type'],
  ]
  for (const [body, at, code] of bad) {
    const answer = await call('POST', path, { body })
    t.match(answer, { status: 422, body: { errors: [{ path: at, code }] } }, JSON.stringify(body))
  }
  t.same((await call('GET', path)).body.data, [], 'nothing was created')
})
