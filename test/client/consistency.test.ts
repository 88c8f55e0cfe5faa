import t from 'tap'
import { createClient } from '../../src/client/index.js'

const json = (token: string | undefined, body: unknown = { data: [], next_cursor: null }, status = 200) =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json',
      ...(token !== undefined && { 'consistency-token': token }),
    },
  })
const updates = () =>
  new Response('id: 1\ndata: {"type":"ready"}\n\n', { headers: { 'content-type': 'text/event-stream' } })

/** A client of a server that answers as it is told, and the tokens that it was sent. */
const scene = () => {
  const sent: (string | null)[] = []
  const answers: (Response | Promise<Response>)[] = []
  const fetch = async (_url: unknown, init?: RequestInit) => {
    sent.push(new Headers(init?.headers).get('consistency-token'))
    const answer = answers.shift()
    if (!answer) throw new TypeError('fetch failed')
    return answer
  }
  const options = { url: 'http://chat.test', userId: 'alice', token: 'a.b.c', retries: 0 }
  const client = createClient({ ...options, fetch: fetch as typeof globalThis.fetch })
  return { client, sent, answers, last: () => sent.at(-1) }
}

t.test('a client says what it has seen and written', async (t) => {
  const { client, answers, last } = scene()
  const read = async (token?: string) => {
    answers.push(json(token))
    await client.listConversations()
    return last()
  }
  t.equal(await read('B'), null, 'nothing at first')
  t.equal(await read('A'), 'B', 'then the token of the last response')
  t.equal(await read(), 'B', 'and the greater of two')
  t.equal(await read('B'), null, 'a response without one takes it away')

  answers.push(json('C', {}))
  await client.createConversation({})
  t.equal(last(), null, 'a write sends none')
  t.equal(await read('D'), 'C', 'and its response has a new one')
  answers.push(json(undefined, {}))
  await client.createConversation({})
  t.equal(await read('D'), null, 'or none, from an instance without replicas')
  const failed = json(undefined, { code: 'model-failed', detail: 'It failed.' }, 502)
  answers.push(failed)
  await t.rejects(client.createConversation({}), { code: 'model-failed' }, 'a write that ends in a problem')
  t.equal(await read('D'), null, 'may have stored something')
  await t.rejects(client.createConversation({}), { code: 'unreachable' }, 'a write whose answer is lost')
  t.equal(await read('E'), null, 'may have been made')

  answers.push(updates())
  for await (const event of client.streamUpdates({ retries: 0 })) {
    t.equal(event.type, 'ready', 'a stream tells something')
    break
  }
  t.equal(await read('F'), null, 'which may be later than what the token stands for')
})

t.test('answers that come in another order than their requests', async (t) => {
  const { client, answers, last } = scene()
  const later = () => {
    let answer: (response: Response) => void = () => {}
    answers.push(
      new Promise((resolve) => {
        answer = resolve
      }),
    )
    return answer
  }
  const next = async () => {
    answers.push(json(undefined))
    await client.listConversations()
    return last()
  }
  const answerRead = later()
  const reading = client.listConversations().then(() => {})
  const answerWrite = later()
  const writing = client.createConversation({})
  answerWrite(json('C', {}))
  await writing
  answerRead(json('D'))
  await reading
  t.equal(await next(), 'C', 'a read that was sent before a write says nothing of it')

  const [answerFirst, answerSecond] = [later(), later()]
  const first = client.createConversation({})
  const second = client.createConversation({})
  answerSecond(json('F', {}))
  await second
  answerFirst(json('E', {}))
  await first
  t.equal(await next(), null, 'of two writes at once neither response is known to cover both')
})
