import t from 'tap'
import { testApp, tokenOf } from '../helpers/app.js'
import { contractOperations } from '../helpers/contract.js'

const authorization = `Bearer ${tokenOf('alice')}`

t.test('HEAD is answered like GET, without the body', async (t) => {
  const { url, chat } = await testApp(t)
  const { conversation_id, turn_id, message_id } = await chat('x'.repeat(9_000))
  await chat('y'.repeat(9_000), { conversation_id })
  const ids: Record<string, string> = { user_id: 'alice', conversation_id, turn_id, message_id }
  const paths = contractOperations
    .filter(({ method, path }) => method === 'GET' && !/\/(stream|updates|export)$/.test(path))
    .map(({ path }) => path.replace(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? ''))
  t.ok(paths.length > 8, 'there are such operations')
  const documents = ['/openapi.json', '/openapi.yaml', '/postman.json']
  for (const path of [...paths, ...documents, `/api/alice/turns/${conversation_id}`]) {
    const send = (method: string) => fetch(url + path, { method, headers: { authorization } })
    const [get, head] = [await send('GET'), await send('HEAD')]
    t.equal(head.status, get.status, `${path}: the status`)
    t.equal(await head.text(), '', `${path}: no body`)
    for (const name of ['content-type', 'cache-control']) {
      t.equal(head.headers.get(name), get.headers.get(name), `${path}: ${name}`)
    }
    t.equal(
      Number(head.headers.get('content-length')),
      (await get.arrayBuffer()).byteLength,
      `${path}: the length that the body would have`,
    )
  }
})

t.test('OPTIONS names the methods of a path, to everybody', async (t) => {
  const { url } = await testApp(t)
  const allowed: [path: string, methods: string][] = [
    ['/api/alice/chat', 'POST, OPTIONS'],
    ['/api/alice/conversations', 'GET, HEAD, POST, OPTIONS'],
    ['/api/alice/conversations/x', 'DELETE, GET, HEAD, PATCH, OPTIONS'],
    ['/api/alice/conversations/x/stream', 'GET, OPTIONS'],
    ['/api/alice/updates', 'GET, OPTIONS'],
    ['/health/ready', 'GET, HEAD, OPTIONS'],
    ['/openapi.json', 'GET, HEAD, OPTIONS'],
    ['/postman.json', 'GET, HEAD, OPTIONS'],
    ['/docs/', 'GET, HEAD, OPTIONS'],
    ['/docs/static/index.css', 'GET, HEAD, OPTIONS'],
  ]
  const sorted = (allow: string | null) => (allow ?? '').split(', ').sort().join(', ')
  for (const [path, methods] of allowed) {
    const response = await fetch(url + path, { method: 'OPTIONS' })
    t.equal(response.status, 204, `${path}: no content`)
    t.equal(sorted(response.headers.get('allow')), sorted(methods), `${path}: its methods`)
    t.equal(await response.text(), '', `${path}: no body`)
    t.match(response.headers.get('x-request-id'), /^[\da-f-]{36}$/, `${path}: the common headers`)
    const other = await fetch(url + path, { method: 'PUT' })
    t.equal(sorted(other.headers.get('allow')), sorted(methods), `${path}: as a 405 names them`)
  }
  t.equal(
    (await fetch(`${url}/nowhere`, { method: 'OPTIONS' })).status,
    404,
    'a path that is not there has none',
  )
})
