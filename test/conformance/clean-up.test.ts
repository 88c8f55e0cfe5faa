import t from 'tap'
import { cleanUp } from '../../src/conformance/clean-up.js'
import { contextWith, type Reply } from './fake-server.js'

/** A server whose lists are empty. */
const withoutLists =
  (reply: Reply): Reply =>
  (seen, response) =>
    seen.method === 'GET'
      ? response.writeHead(200).end('{"data":[],"next_cursor":null}')
      : reply(seen, response)

t.test('conversations whose making was cut off are found, archived ones too', async (t) => {
  let mark = ''
  const { context, asked } = await contextWith(t, ({ method, url }, response) => {
    const isArchived = url.searchParams.get('archived') === 'true'
    const data = url.pathname.startsWith('/api/alice/')
      ? [
          { id: isArchived ? 'archived' : 'other', title: 'x', metadata: { conformance: mark } },
          { id: 'not-ours', title: null, metadata: {} },
        ]
      : []
    if (method === 'GET') response.writeHead(200).end(JSON.stringify({ data, next_cursor: null }))
    else response.writeHead(204).end()
  })
  mark = context.mark
  t.equal(await cleanUp(context), 0, 'none is left')
  t.same(
    asked.filter((line) => line.startsWith('DELETE')).sort(),
    ['DELETE /api/alice/conversations/archived', 'DELETE /api/alice/conversations/other'],
    'those of the run are deleted, and no other',
  )
})

t.test('a 429 is waited for', async (t) => {
  let limited = true
  const { context } = await contextWith(
    t,
    withoutLists((_, response) => {
      response.writeHead(limited ? 429 : 204, { 'retry-after': '0' }).end()
      limited = false
    }),
  )
  context.ledger.conversations.set('one', context.a)
  t.equal(await cleanUp(context), 0, 'the conversation is deleted')
})

t.test('a slow server is left in time, and what could not be deleted is counted', async (t) => {
  const { context } = await contextWith(
    t,
    withoutLists((_, response) => setTimeout(() => response.writeHead(204).end(), 300)),
  )
  for (let at = 0; at < 2_000; at += 1) context.ledger.conversations.set(`c-${at}`, context.a)
  const begin = performance.now()
  const left = await cleanUp(context, 1_000)
  t.ok(performance.now() - begin < 15_000, 'it ends soon after its deadline')
  t.ok(left > 1_900 && left < 2_000, `${left} are left`)

  const limited = await contextWith(t, (_, response) =>
    response.writeHead(429, { 'retry-after': '60' }).end(),
  )
  for (const id of ['one', 'two', 'three']) limited.context.ledger.conversations.set(id, limited.context.b)
  t.equal(await cleanUp(limited.context, 500), 3, 'a limit that outlasts the deadline leaves all')
})
