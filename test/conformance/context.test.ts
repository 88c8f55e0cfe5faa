import t from 'tap'
import { onceFor } from '../../src/conformance/once-for.js'
import { contextWith } from './fake-server.js'

const get = { method: 'GET', path: '/x', headers: {} }

t.test('a request that is sent as it is waits for a 429, as every other does', async (t) => {
  let limited = 2
  const { context, asked } = await contextWith(t, (_, response) => {
    limited -= 1
    response.writeHead(limited >= 0 ? 429 : 200, { 'retry-after': '0' }).end()
  })
  t.equal((await context.send(get)).response?.status, 200, 'it is sent until the limit is over')
  t.equal(asked.length, 3, 'once for each 429, and once more')
})

t.test('a 429 that does not say when to come back is an answer like any other', async (t) => {
  for (const after of ['-1', '1.5', '', 'soon', '61', '1e-9']) {
    const { context, asked } = await contextWith(t, (_, response) =>
      response.writeHead(429, { 'retry-after': after }).end(),
    )
    t.equal((await context.send(get)).response?.status, 429, `Retry-After: "${after}"`)
    t.equal(asked.length, 1, `Retry-After: "${after}" is not waited for`)
  }
})

t.test('a limit that does not end is given up', async (t) => {
  const { context, asked } = await contextWith(t, (_, response) =>
    response.writeHead(429, { 'retry-after': '0' }).end(),
  )
  t.equal((await context.send(get)).response?.status, 429, 'the last answer counts')
  t.equal(asked.length, 4, 'after three more requests')
})

t.test('what could not be made is made anew when it is asked for again', async (t) => {
  const { context, asked } = await contextWith(t, (_, response) => response.writeHead(500).end())
  await t.rejects(context.turn(), 'the first turn fails')
  const before = asked.length
  await t.rejects(context.turn(), 'and the second')
  t.ok(asked.length > before, 'for which the server was asked again')

  let made = 0
  const third = onceFor(async (_: object) => {
    made += 1
    if (made < 3) throw new Error(`attempt ${made}`)
    return made
  })
  const key = {}
  const both = await Promise.allSettled([third(key), third(key)])
  t.match(both, [{ reason: { message: 'attempt 1' } }, { reason: { message: 'attempt 1' } }], 'once for both')
  await t.rejects(third(key), { message: 'attempt 2' }, 'a second attempt')
  t.same([await third(key), await third(key), made], [3, 3, 3], 'what was made is kept')
})
