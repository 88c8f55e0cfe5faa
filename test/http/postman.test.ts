import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { packageRoot } from '../../src/root.js'
import { testApp, tokenOf } from '../helpers/app.js'
import { contractOperations, requiredQuery } from '../helpers/contract.js'

/** The only optional parameter that is on: without it Postman would wait for ever for the end of the stream. */
const bound = 'max_seconds'

interface Field {
  key: string
  value: string
  disabled?: boolean
}
interface Item {
  name: string
  request: { auth?: object; header: Field[]; body?: { raw: string }; url: { raw: string; query?: Field[] } }
}
interface Collection {
  auth: object
  variable: { key: string; value: string }[]
  item: { item: Item[] }[]
}

const demoUser = { id: 'demo', token: tokenOf('demo') }

/** The variables of the collection that a server gives for a request with these headers. */
const variablesAt = async (
  url: string,
  headers: Record<string, string> = {},
): Promise<Record<string, string>> => {
  const sent = request(`${url}/postman.json`, { headers }).end()
  const response = await new Promise<Parameters<typeof text>[0]>((resolve, reject) =>
    sent.on('response', resolve).on('error', reject),
  )
  const { variable } = JSON.parse(await text(response)) as Collection
  return Object.fromEntries(variable.map(({ key, value }) => [key, value]))
}

t.test('in development the collection has this server, the demo user and their token', async (t) => {
  const { url } = await testApp(t, { demoUser })
  t.match(
    await variablesAt(url),
    { baseUrl: url, user_id: 'demo', token: demoUser.token, conversation_id: '', next_cursor: '' },
    'what a first request needs is filled in, and no more',
  )
  for (const host of ['evil.example', 'localhost.evil.example', '10.0.0.1:3000']) {
    const { user_id, token } = await variablesAt(url, { host })
    t.same({ user_id, token }, { user_id: '', token: '' }, `${host}: no token`)
  }
  t.equal(
    (await variablesAt(url, { host: 'localhost:3000' })).token,
    demoUser.token,
    'localhost is this machine',
  )
})

t.test('without a demo user, as in production, it has the address and nothing else', async (t) => {
  const { url } = await testApp(t)
  t.match(await variablesAt(url), { baseUrl: url, user_id: '', token: '' }, 'no user, no token')
  const proxied = { host: 'chat.example.com', 'x-forwarded-proto': 'https' }
  t.equal(
    (await variablesAt(url, proxied)).baseUrl,
    'https://chat.example.com',
    'behind a proxy that ends TLS',
  )
})

t.test('every operation has a request, without a value that the server does not know', async (t) => {
  const collection: Collection = JSON.parse(
    await readFile(new URL('generated/postman.json', packageRoot), 'utf8'),
  )
  const items = collection.item.flatMap((folder) => folder.item)
  const named = new Set(items.map(({ name }) => name.split(':')[0]))
  t.same([...named].sort(), contractOperations.map(({ operationId }) => operationId).sort(), 'each has one')
  t.match(
    collection.auth,
    { type: 'bearer', bearer: [{ key: 'token', value: '{{token}}' }] },
    'the token is a variable',
  )
  for (const { name, request } of items) {
    const { header, body, url } = request
    t.notMatch(url.raw, /[?]|\/\{\w+\}(?!\})/, `${name}: the path has variables, and no query`)
    t.notMatch(`${url.raw}${body?.raw}`, /alice|019a0c4e/, `${name}: no user and no id of an example`)
    const sent = [...header, ...(url.query ?? [])].filter(({ disabled }) => !disabled).map(({ key }) => key)
    const operation = contractOperations.find(({ operationId }) => name.startsWith(`${operationId}:`))
    const required = [...new URLSearchParams(operation && requiredQuery(operation)).keys()]
    t.same(
      sent.filter((key) => !['Accept', 'Content-Type', ...required].includes(key)),
      operation?.operationId === 'streamUpdates' ? [bound] : [],
      `${name}: optional parameters are off, but for the one that ends a stream`,
    )
    t.equal(
      'auth' in request,
      url.raw.startsWith('{{baseUrl}}/api/') === false,
      `${name}: a token where it is needed`,
    )
  }
  const isDelete = (name: string): boolean => name.startsWith('delete')
  for (const folder of collection.item) {
    const first = folder.item.findIndex(({ name }) => isDelete(name))
    const rest = first < 0 ? [] : folder.item.slice(first)
    t.ok(
      rest.every(({ name }) => isDelete(name)),
      'nothing follows what deletes',
    )
  }
})
