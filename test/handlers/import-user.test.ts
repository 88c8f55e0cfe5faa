import postgres from 'postgres'
import t from 'tap'
import { type Json, testApp } from '../helpers/app.js'
import { chatGpt, claude } from '../helpers/import-files.js'
import { gatedModel } from '../helpers/models.js'

const app = await testApp(t)
const { call, chat } = app

const importing = (user: string, body: string, type = 'application/json') =>
  call('POST', `/api/${user}/import`, { user, body, headers: { 'content-type': type } })

const counts = (taken: number, already_there = 0, skipped = 0) => ({ taken, already_there, skipped })

const conversationsOf = async (user: string): Promise<Json[]> =>
  (await call('GET', `/api/${user}/conversations?limit=100`, { user })).body.data

const messagesOf = async (user: string, id: string): Promise<Json[]> =>
  (await call('GET', `/api/${user}/conversations/${id}/messages?limit=100`, { user })).body.data

const said = (messages: Json[]): string[] => messages.map(({ role, content }) => `${role}: ${content}`)

t.test("ChatGPT's export is taken", async (t) => {
  const file = JSON.stringify(chatGpt)
  const first = await importing('gpt', file)
  t.equal(first.status, 200, 'it is answered with a report')
  t.same(
    first.body,
    {
      source: 'chatgpt',
      conversations: counts(1, 0, 1),
      messages: counts(4, 0, 4),
      skipped: [
        { reason: 'other-speaker', count: 3 },
        { reason: 'no-text', count: 1 },
        { reason: 'no-messages', count: 1 },
      ],
    },
    'which says what was taken, and why the rest was not',
  )
  const [conversation, ...others] = await conversationsOf('gpt')
  t.same(others, [], 'one conversation')
  t.match(
    conversation,
    { title: 'Trip to\ufffd Rome', created_at: '2023-11-14T22:13:20.000Z', message_count: 4 },
    'with its title and time; what cannot be stored is replaced',
  )
  const messages = await messagesOf('gpt', conversation.id)
  t.same(
    said(messages),
    ['user: Where to?', 'assistant: To Rome.\n\nIt is old.', 'user: And this?', 'assistant: A church.'],
    'the branch that was shown last, and what a speaker said in a row as one',
  )
  t.same(
    messages.map(({ position, parent_id, turn_id, status }) => [position, parent_id, turn_id, status]),
    messages.map((_, at) => [at + 1, messages[at - 1]?.id ?? null, null, 'completed']),
    'as a log of messages that no turn has written',
  )
  const again = await importing('gpt', file, 'application/x-ndjson')
  t.match(
    again.body,
    { conversations: counts(0, 1, 1), messages: counts(0, 4, 4) },
    'a second import adds nothing, whatever the media type',
  )
  t.equal((await importing('other', file)).body.messages.taken, 4, 'another user has a copy of their own')
  t.same((await conversationsOf('gpt')).length, 1, 'each has one')
})

t.test("Claude's export is taken", async (t) => {
  const { body } = await importing('claude', JSON.stringify(claude, undefined, 2))
  t.match(body, { source: 'claude', conversations: counts(1), messages: counts(3) }, 'all of it')
  const [conversation] = await conversationsOf('claude')
  t.equal(conversation.title, null, 'without a title it has none')
  t.same(
    said(await messagesOf('claude', conversation.id)),
    ['user: Hello', 'assistant: Hi.\n\nThere.', 'user: of an older export'],
    'the texts of its blocks, or of an older export',
  )
})

t.test('an export of ours is taken by another user, and nothing of it twice', async (t) => {
  const { conversation_id } = await chat('one')
  await chat('two', { conversation_id })
  await call('PATCH', `/api/alice/conversations/${conversation_id}`, {
    body: { archived: true, metadata: { project: 'x' } },
  })
  await call('POST', '/api/alice/conversations', { body: { title: 'empty' } })
  const { text: file } = await call('GET', '/api/alice/export')
  const own = await importing('alice', file, 'application/x-ndjson')
  t.match(
    own.body,
    { source: 'colloquy', conversations: counts(0, 2), messages: counts(0, 4) },
    'into its own account it adds nothing',
  )
  t.match(
    (await importing('heir', file)).body,
    { conversations: counts(2), messages: counts(4) },
    'elsewhere all',
  )
  const strip = ({ turn_id: _, finish_reason: __, ...message }: Json) => message
  t.same(
    (await messagesOf('heir', conversation_id)).map(strip),
    (await messagesOf('alice', conversation_id)).map(strip),
    'the messages are the same, with their ids, parents, positions and times',
  )
  const { body } = await call('GET', `/api/heir/conversations/${conversation_id}`, { user: 'heir' })
  t.match(body, { archived: true, metadata: { project: 'x' }, message_count: 4 }, 'so is the conversation')

  const lines = file.split('\n')
  for (let cut = 1; cut < lines.length; cut += 1) await importing('torn', lines.slice(0, cut).join('\n'))
  t.same(
    (await messagesOf('torn', conversation_id)).map(strip),
    (await messagesOf('alice', conversation_id)).map(strip),
    'imports that were cut go on where they were',
  )
})

t.test('the branches of an export of ours stay branches', async (t) => {
  const say = (body: object) => call('POST', '/api/brancher/chat', { user: 'brancher', body })
  const { conversation_id, message_id } = (await say({ message: 'one' })).body
  await say({ conversation_id, message: 'two' })
  await say({ conversation_id, message: 'another two', parent_id: message_id })
  await say({ conversation_id, message: 'another one', parent_id: null })
  await say({ conversation_id, regenerate: message_id })
  await say({ conversation_id, message: 'three' })
  const exported = await call('GET', '/api/brancher/export', { user: 'brancher' })
  const { body } = await importing('twin', exported.text, 'application/x-ndjson')
  t.same(body.messages, counts(11), 'all of its messages are taken')
  const listed = async (user: string, branch: string) => {
    const path = `/api/${user}/conversations/${conversation_id}/messages?branch=${branch}&limit=100`
    const data: Json[] = (await call('GET', path, { user })).body.data
    return data.map(({ position, content, parent_id, sibling_ids }) => [
      position,
      content,
      parent_id,
      sibling_ids,
    ])
  }
  t.same(await listed('twin', 'all'), await listed('brancher', 'all'), 'as the same tree')
  const active = await listed('twin', 'active')
  t.same(active, await listed('brancher', 'active'), 'on the same branch')
  t.same(
    active.map(([, content]) => content),
    ['one', 'Echo: one', 'three', 'Echo: three'],
    'the newest',
  )
  const next = { conversation_id, message: 'four' }
  const { body: answer } = await call('POST', '/api/twin/chat', { user: 'twin', body: next })
  const last = (await listed('twin', 'active')).at(-1)
  t.same([last?.[0], last?.[1]], [13, answer.response], 'which goes on')
})

t.test('a file that names messages twice, or parents of elsewhere, makes a log like any other', async (t) => {
  const id = (n: number) => `019b1d5f-7b7a-7c11-9f0e-${String(n).padStart(12, '0')}`
  const created_at = '2026-01-01T00:00:00.000Z'
  const conversation = (n: number) => ({
    type: 'conversation',
    conversation: { id: id(n), title: `${n}`, created_at },
  })
  const message = (of: number, n: number, parent_id: string | null, role = 'user') => ({
    type: 'message',
    message: {
      id: id(n),
      conversation_id: id(of),
      parent_id,
      role,
      status: 'completed',
      content: `${n}`,
      created_at,
    },
  })
  const lines = [
    ...[conversation(1), message(1, 11, null), message(1, 12, id(11), 'assistant')],
    // Another conversation with one of these, and with what follows it.
    ...[conversation(2), message(2, 21, null), message(2, 12, id(21), 'assistant')],
    ...[message(2, 22, id(12)), message(2, 23, id(99), 'assistant')],
  ]
  const { body } = await importing(
    'odd',
    lines.map((line) => JSON.stringify(line)).join('\n'),
    'application/x-ndjson',
  )
  t.same(body.messages, counts(5, 1), 'what the user has is not taken again')
  const messages = await messagesOf('odd', id(2))
  t.same(
    messages.map(({ position, content, parent_id }) => [position, content, parent_id]),
    [
      [1, '21', null],
      [2, '22', id(21)],
      [3, '23', id(22)],
    ],
    'positions have no gaps, and parents are of the conversation',
  )
  const [listed] = (await conversationsOf('odd')).filter((each) => each.id === id(2))
  t.equal(listed.message_count, 3, 'and are counted as they are')
})

t.test('an imported conversation goes on', async (t) => {
  const gated = gatedModel()
  const other = await testApp(t, { model: gated.model, databaseUrl: app.databaseUrl })
  gated.open()
  const [conversation] = await conversationsOf('gpt')
  const { body } = await other.call('POST', '/api/gpt/chat', {
    user: 'gpt',
    body: { conversation_id: conversation.id, message: 'Which one?' },
  })
  const messages = await messagesOf('gpt', conversation.id)
  const [question] = messages.slice(-2)
  t.match(
    question,
    { id: body.user_message_id, position: 5, parent_id: messages[3].id },
    'the next message follows the last one',
  )
  const { body: report } = await importing('gpt', JSON.stringify(chatGpt))
  t.match(report.messages, counts(0, 4, 4), 'and a later import leaves it as it is')
  const [trip] = structuredClone(chatGpt) as Json[]
  for (const [at, role] of ['user', 'assistant', 'user', 'assistant'].entries()) {
    const id = `later-${at}`
    const content = { content_type: 'text', parts: [`later ${at}`] }
    trip.mapping[id] = { id, parent: trip.current_node, message: { id, author: { role }, content } }
    trip.current_node = id
  }
  const { body: grown } = await importing('gpt', JSON.stringify([trip]))
  t.match(grown.messages, { taken: 0 }, 'also one of a source that has gone on in another way')
  t.equal((await messagesOf('gpt', conversation.id)).length, 6, 'it has what it had')
})

t.test('what is too long or not completed is left out, and counted', async (t) => {
  const { conversation_id } = await chat('to be changed')
  const lines = (await call('GET', '/api/alice/export')).text.split('\n').slice(0, -1)
  const changed = lines.flatMap((line) => {
    const { message, ...rest } = JSON.parse(line)
    if (message?.conversation_id !== conversation_id) return message ? [] : [line]
    if (message.role === 'user')
      return [JSON.stringify({ ...rest, message: { ...message, content: 'x'.repeat(1_000_001) } })]
    return [
      JSON.stringify({ ...rest, message: { ...message, status: 'failed' } }),
      JSON.stringify({ ...rest, message: { ...message, id: message.turn_id, role: 'summary' } }),
      JSON.stringify({ ...rest, message: { ...message, id: 'x' } }),
      JSON.stringify({ ...rest, message: { ...message, content: '😀'.repeat(10_001) } }),
    ]
  })
  const { body } = await importing('strict', changed.join('\n'))
  t.same(
    body.skipped,
    ['too-long', 'not-completed', 'summary', 'unknown-format'].map((reason) => ({ reason, count: 1 })),
    'each with its reason',
  )
  const messages = await messagesOf('strict', conversation_id)
  t.same(
    messages.map(({ position, parent_id, content }) => [position, parent_id, content.length]),
    [[1, null, 20_002]],
    'what is longer than a message may be sent is kept whole; no gap and no parent that is not there',
  )
})

t.test('a file that is none is refused, and what came before the fault is kept', async (t) => {
  const refused: [what: string, body: string, status: number][] = [
    ['not JSON', 'hello', 400],
    ['a number', '17', 400],
    ['cut off', '[{"mapping": {}', 400],
    ['a list that does not end', '[{"mapping": {}},', 400],
    ['something after the list', '[{"mapping": {}}] {}', 400],
    ['invalid inside', '{"mapping": nope}', 400],
    ['an empty list', '[]', 422],
    ['another object', '{"a": {"b": [1]}}', 422],
    ['white space', ' \n ', 422],
    ['too large an object', `{"mapping": "${'x'.repeat(8_400_000)}"}`, 413],
  ]
  for (const [what, body, status] of refused)
    t.equal((await importing('nobody', body)).status, status, `${what}: ${status}`)
  t.equal((await importing('nobody', '{}', 'text/plain')).status, 415, 'another media type')
  const whole = JSON.stringify(claude)
  t.equal((await importing('half', `${whole.slice(0, -1)}, {"cut": `)).status, 400, 'a fault in the middle')
  t.equal((await conversationsOf('half')).length, 1, 'what came before it is there')
  t.same(await conversationsOf('nobody'), [], 'and nothing of what was refused')
})

t.test('a big file is read as a stream', async (t) => {
  const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  const many = Array.from({ length: 300 }, (_, at) => ({
    ...claude[0],
    uuid: `big-${at}`,
    filler: 'y'.repeat(50_000),
  }))
  const { status, body } = await importing('big', JSON.stringify(many))
  t.equal(status, 200, 'more than what any other body may have')
  t.match(body, { conversations: counts(300), messages: counts(900) }, 'all of it is taken')
})
