import { readFileSync } from 'node:fs'
import postgres from 'postgres'
import t from 'tap'
import { packageRoot } from '../../src/root.js'
import { type Answer, type Call, testApp } from '../helpers/app.js'
import { type ContractOperation, contractOperations, requiredQuery } from '../helpers/contract.js'
import { gatedModel } from '../helpers/models.js'
import { turnOf, typesOf } from '../helpers/stream.js'

const unknownId = '019a0c4e-7b7a-7c11-9f0e-3d5a2b1c4d6e'
const secret = 'what is not to be seen once it has expired'
const past = '2020-01-01T00:00:00Z'

type Ids = Record<'conversation_id' | 'turn_id' | 'message_id', string>
type Example = { $ref?: string; value?: object }
type Body = { content?: Record<string, { examples?: Record<string, Example> }> }

const { components } = JSON.parse(
  readFileSync(new URL('generated/closed/openapi.json', packageRoot), 'utf8'),
) as { components: { examples: Record<string, Example> } }

/** The body of the contract's first example, with these ids in the place of its own. */
const bodyOf = (operation: ContractOperation & { requestBody?: Body }, ids: Ids): object | undefined => {
  const [example] = Object.values(operation.requestBody?.content?.['application/json']?.examples ?? {})
  const name = example?.$ref?.split('/').at(-1)
  const value = (name ? components.examples[name] : example)?.value
  if (!value) return undefined
  const own = Object.entries(ids).filter(([key]) => key in value)
  return {
    ...value,
    ...Object.fromEntries(own),
    ...(continues(operation) && { conversation_id: ids.conversation_id }),
  }
}

const continues = ({ operationId }: ContractOperation) => /^(createTurn|streamNewTurn)$/.test(operationId)

const operations = contractOperations.filter(({ path }) => path.includes('{user_id}'))
/** Deleting comes last, so that it hides nothing of what the others show. */
const readers = operations
  .filter(({ operationId }) => !/^(eraseUser|importUser)$/.test(operationId))
  .sort((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'))
/** Those that name a conversation, or what is in one. */
const named = readers.filter((operation) => /\{(?!user_id)/.test(operation.path) || continues(operation))

/** An answer without what differs between two requests for the same thing. */
const comparable = ({ status, text }: Answer): string =>
  `${status} ${text.replace(/"(request_id|instance)":"[^"]*"/g, '"$1":""')}`

const app = await testApp(t)
const sql = postgres(app.superuserUrl, { max: 1, onnotice: () => {} })
t.teardown(() => sql.end())

const send = (operation: ContractOperation, ids: Ids, call: Call = {}): Promise<Answer> => {
  const values: Record<string, string> = { user_id: 'alice', ...ids }
  const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? `no ${name}`)
  const body = operation.method === 'GET' ? undefined : bodyOf(operation, ids)
  // A stream that would have no end.
  const isEndless = operation.operationId === 'streamUpdates'
  const query = isEndless ? '?max_seconds=1' : requiredQuery(operation, { q: secret })
  return app.call(operation.method, `${path}${query}`, { ...call, ...(body && { body }) })
}

const conversations = '/api/alice/conversations'
const expire = ({ conversation_id }: Pick<Ids, 'conversation_id'>) =>
  app.call('PATCH', `${conversations}/${conversation_id}`, { body: { expires_at: past } })

/** Which operations show something of an expired conversation. */
const shown = async (): Promise<string[]> => {
  const { conversation_id, turn_id, message_id } = await app.chat(secret)
  const ids: Ids = { conversation_id, turn_id, message_id }
  await app.call('PUT', `/api/alice/messages/${ids.message_id}/feedback`, { body: { rating: 'up' } })
  await expire(ids)
  const unknown = { conversation_id: unknownId, turn_id: unknownId, message_id: unknownId }
  const found: string[] = []
  for (const operation of readers) {
    const answer = await send(operation, ids)
    const isNamed = named.includes(operation)
    const isSame = !isNamed || comparable(answer) === comparable(await send(operation, unknown))
    // An update names what was changed, also when it has expired by that.
    const telling = operation.operationId === 'streamUpdates' ? [secret] : [secret, ...Object.values(ids)]
    const tells = telling.some((text) => comparable(answer).includes(text))
    if (!isSame || tells || answer.status !== (isNamed ? 404 : answer.status))
      found.push(operation.operationId)
  }
  return found
}

t.test('an expired conversation is gone from each operation of the contract', async (t) => {
  t.ok(named.length >= 14, `operations that name a conversation: ${named.length}`)
  t.same(await shown(), [], 'each answers as it does for what there never was')
  await sql.unsafe(`
    create or replace function colloquy.is_live(p_expires_at timestamptz) returns boolean
    language sql volatile as $$ select true $$`)
  const lists = ['listConversations', 'searchMessages', 'exportUser', 'createTurn', 'streamNewTurn']
  const each = [...named.map(({ operationId }) => operationId), ...lists]
  const seen = new Set(await shown())
  t.same(
    each.filter((name) => !seen.has(name)),
    [],
    'and the test would see it if one did not',
  )
  await sql.unsafe(`
    create or replace function colloquy.is_live(p_expires_at timestamptz) returns boolean
    language sql volatile as $$ select p_expires_at is null or p_expires_at > colloquy.clock() $$`)
})

t.test('an export has nothing of it, also one that is continued after a place in it', async (t) => {
  const user = 'exporter'
  const said = async (message: string) => app.chat(message, { user })
  const [first, second, third] = [await said('first'), await said('second'), await said('third')]
  const path = `/api/${user}/export`
  const lines = (await app.call('GET', path, { user })).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const { cursor } = lines.find((line) => line.message?.id === second.user_message_id)
  await app.call('PATCH', `/api/${user}/conversations/${second.conversation_id}`, {
    user,
    body: { expires_at: past },
  })
  const ids = [first, second, third].map(({ message_id }) => message_id)
  const has = (text: string) => ids.map((id) => text.includes(id))
  t.same(has((await app.call('GET', path, { user })).text), [true, false, true], 'a whole one')
  const rest = await app.call('GET', `${path}?cursor=${cursor}`, { user })
  t.same(has(rest.text), [false, false, true], 'the rest of one')
  t.match(rest.text, /"type":"end"/, 'which has an end')
})

t.test('its key answers as that of a deleted conversation, and its id can be imported anew', async (t) => {
  const headers = { 'idempotency-key': 'of-what-expires' }
  const body = { message: 'keyed' }
  const begun = await app.call('POST', '/api/alice/chat', { headers, body })
  const { text } = await app.call('GET', '/api/alice/export')
  await expire(begun.body)
  const again = await app.call('POST', '/api/alice/chat', { headers, body })
  t.equal(again.status, 404, 'a retry finds nothing')
  const file = { headers: { 'content-type': 'application/x-ndjson' }, body: text }
  const taken = await app.call('POST', '/api/alice/import', file)
  t.match(taken.body.conversations, { taken: 1 }, 'it is taken as if it had never been there')
  const path = `${conversations}/${begun.body.conversation_id}`
  t.match((await app.call('GET', path)).body, { expires_at: null, message_count: 2 }, 'and stays')
})

t.test('a turn that runs while its conversation expires is left to its end', async (t) => {
  const gated = gatedModel()
  const one = await testApp(t, { model: gated.model, databaseUrl: app.databaseUrl })
  const sent = one.call('POST', '/api/alice/chat', { body: { message: 'long' } })
  const stream = await one.stream('POST', '/api/alice/chat', { body: { message: 'long too' } })
  const { conversation_id, turn_id } = await turnOf(stream)
  await expire({ conversation_id })
  const other = await testApp(t, { model: gated.model, databaseUrl: app.databaseUrl })
  const followers = await Promise.all(
    [one, other].map((instance) => instance.stream('GET', `/api/alice/turns/${turn_id}/stream`)),
  )
  for (const path of [`turns/${turn_id}`, `conversations/${conversation_id}/stream`]) {
    const { status } = await one.call('GET', `/api/alice/${path}`)
    t.equal(status, 404, `${path} is gone on the instance that runs it`)
  }
  t.equal(
    (await one.call('POST', `/api/alice/turns/${turn_id}/cancel`)).status,
    404,
    'it cannot be cancelled',
  )
  gated.open()
  t.equal((await sent).status, 200, 'another turn ends as ever')
  const types = typesOf(await stream.all())
  t.ok(types.includes('finish'), `whoever waits for it gets its answer: ${types}`)
  for (const [n, follower] of followers.entries()) {
    t.ok(typesOf(await follower.all()).includes('finish'), `and so does who came later, on instance ${n}`)
  }
  const { status } = await other.call('GET', `/api/alice/turns/${turn_id}/stream`)
  t.equal(status, 404, 'then it is gone')
})
