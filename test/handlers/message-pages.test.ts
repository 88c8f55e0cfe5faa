import t, { type Test } from 'tap'
import type { Model } from '../../src/models/model.js'
import { type TestApp, testApp } from '../helpers/app.js'
import { until } from '../helpers/models.js'

const usage = {
  input_tokens: null,
  output_tokens: null,
  cached_input_tokens: null,
  reasoning_tokens: null,
  total_tokens: null,
}
const maxPageBytes = 1_048_576

/** Fails when told to, and waits for its end when told to hang. */
const model: Model = {
  name: 'obedient',
  async *run({ message, signal }) {
    if (message === 'fail') {
      yield { type: 'text-delta', delta: 'so far' }
      throw new Error('no')
    }
    if (message === 'hang') {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    }
    yield { type: 'text-delta', delta: 'hello' }
    yield { type: 'finish', usage }
  },
}

interface Listed {
  position: number
  content: string
}

/** Walks a list to its end and gives the positions of each page, none longer than it may be. */
const walk = async (t: Test, { call }: TestApp, id: string, query: string): Promise<number[][]> => {
  const pages: number[][] = []
  for (let cursor = ''; ; ) {
    const path = `/api/alice/conversations/${id}/messages?${query}${cursor && `&cursor=${cursor}`}`
    const { status, body, text } = await call('GET', path)
    t.equal(status, 200, `the page at "${cursor}" of ${query} is answered`)
    const data: Listed[] = body.data
    const bytes = Buffer.byteLength(text)
    t.ok(data.length === 1 || bytes <= maxPageBytes, `${data.length} messages of ${bytes} bytes`)
    pages.push(data.map(({ position }) => position))
    if (body.next_cursor === null) return pages
    cursor = body.next_cursor
  }
}

t.test('a page of messages ends before it has more than 1 MiB, and the next one goes on there', async (t) => {
  const app = await testApp(t, { model })
  const { conversation_id: id } = await app.chat('hi')
  for (let n = 0; n < 5; n += 1) await app.chat('hi', { conversation_id: id })
  // As JSON, each text as content and as a part: 600 kB; 1.9 MB; 900 kB in Chinese; 420 kB of control characters; the others are short
  const texts: [position: number, text: string, times: number][] = [
    [2, 'x', 300_000],
    [4, '"', 475_000],
    [6, '字', 150_000],
    [10, '\u0001', 35_000],
  ]
  for (const [position, text, times] of texts) {
    await app.db.asUser(
      'alice',
      (sql) =>
        sql`update colloquy.messages set content = repeat(${text}, ${times}) where position = ${position}`,
    )
  }
  t.same(
    await walk(t, app, id, 'limit=100'),
    [[1, 2, 3], [4], [5, 6, 7, 8, 9], [10, 11, 12]],
    'a message larger than a page stands alone',
  )
  t.same(
    await walk(t, app, id, 'limit=100&order=desc'),
    [[12, 11, 10, 9, 8, 7], [6, 5], [4], [3, 2, 1]],
    'pages are cut the same way backwards',
  )
  t.same(
    await walk(t, app, id, 'limit=2'),
    [[1, 2], [3], [4], [5, 6], [7, 8], [9, 10], [11, 12]],
    'the limit still holds',
  )
  t.same(
    (await walk(t, app, id, 'limit=1')).flat(),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    'one at a time, none is lost',
  )
})

t.test('tool calls count, too, and the database reads no more than it sends', async (t) => {
  const app = await testApp(t, { model })
  const { conversation_id: id } = await app.chat('hi')
  for (let n = 0; n < 9; n += 1) await app.chat('hi', { conversation_id: id })
  await app.db.asUser(
    'alice',
    (sql) => sql`
      update colloquy.messages
      set tool_calls = jsonb_build_array(jsonb_build_object(
        'id', 'c', 'name', 'n', 'arguments', '{}'::jsonb, 'duration_ms', 1, 'result', repeat('r', 400000)))
      where user_id = 'alice' and conversation_id = ${id} and role = 'assistant'`,
  )
  const pages = await walk(t, app, id, 'limit=100')
  t.same(
    pages,
    [
      [1, 2, 3, 4, 5],
      [6, 7, 8, 9],
      [10, 11, 12, 13],
      [14, 15, 16, 17],
      [18, 19, 20],
    ],
    'the pages are cut by the size of the tool calls',
  )
})

t.test('a message says why its answer failed or was interrupted, and nothing else', async (t) => {
  const first = await testApp(t, { model, shutdownMs: 0 })
  const { databaseUrl } = first
  const second = await testApp(t, { model, databaseUrl })
  const { conversation_id: id } = await first.chat('hi')
  const say = (message: string) =>
    first.call('POST', '/api/alice/chat', { body: { message, conversation_id: id } })
  const failed = await say('fail')
  const hanging = say('hang')
  await until(async () => {
    const { body } = await first.call('GET', `/api/alice/conversations/${id}`)
    return body.running_turn_id !== null
  })
  await first.app.close()
  await hanging.catch(() => {})
  const { body } = await second.call('GET', `/api/alice/conversations/${id}/messages`)
  t.match(
    body.data.map(({ status, error }: { status: string; error: object | null }) => ({ status, error })),
    [
      { status: 'completed', error: null },
      { status: 'completed', error: null },
      { status: 'completed', error: null },
      { status: 'failed', error: { code: failed.body.code, detail: failed.body.detail } },
      { status: 'completed', error: null },
      { status: 'interrupted', error: { code: 'turn-interrupted' } },
    ],
    'only the failed and the interrupted answers have an error',
  )
  for (const { turn_id, role, error } of body.data) {
    const turn = await second.call('GET', `/api/alice/turns/${turn_id}`)
    t.same(error, role === 'user' ? null : turn.body.error, 'as the turn says it')
  }
})
