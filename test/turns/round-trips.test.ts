import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { type TestApp, testApp } from '../helpers/app.js'
import { assistant } from '../helpers/assistants.js'
import { testDatabase } from '../helpers/database.js'
import { gatedModel, until } from '../helpers/models.js'
import { countingProxy } from '../helpers/wire.js'

type Act = (app: TestApp, conversationId: string) => Promise<unknown>

const acts: Record<string, Act> = {
  'a turn in a new conversation': ({ chat }) => chat('new'),
  'a turn in a long conversation': ({ chat }, conversation_id) => chat('next', { conversation_id }),
  // The two make one act; what leads the second is known to the database alone.
  'two turns of an assistant': async ({ call }) => {
    const first = { message: 'new', assistant: 'tutor' }
    const { conversation_id } = (await call('POST', '/api/alice/chat', { body: first })).body
    await call('POST', '/api/alice/chat', { body: { message: 'next', conversation_id } })
  },
  getConversation: ({ call }, id) => call('GET', `/api/alice/conversations/${id}`),
  listConversations: ({ call }) => call('GET', '/api/alice/conversations'),
  listConversationsByMetadata: ({ call }) => call('GET', '/api/alice/conversations?metadata[a]=b'),
  listUsage: ({ call }) => call('GET', '/api/alice/usage'),
  listTurns: ({ call }, id) => call('GET', `/api/alice/conversations/${id}/turns`),
  searchMessages: ({ call }) => call('GET', '/api/alice/search?q=message'),
  createConversation: ({ call }) => call('POST', '/api/alice/conversations', { body: {} }),
  listMessages: ({ call }, id) => call('GET', `/api/alice/conversations/${id}/messages`),
  forkConversation: async ({ call }, id) => {
    const { body } = await call('GET', `/api/alice/conversations/${id}`)
    return call('POST', `/api/alice/conversations/${id}/fork`, {
      body: { message_id: body.active_message_id },
    })
  },
  updateConversation: ({ call }, id) =>
    call('PATCH', `/api/alice/conversations/${id}`, { body: { title: 'x' } }),
  rateMessage: async ({ call }, id) => {
    const { body } = await call('GET', `/api/alice/conversations/${id}/messages?order=desc&limit=1`)
    return call('PUT', `/api/alice/messages/${body.data[0].id}/feedback`, { body: { rating: 'up' } })
  },
  exportConversation: ({ call }, id) => call('GET', `/api/alice/conversations/${id}/export`),
  // Last: nothing is left for the others.
  'erasing a user of whom there is nothing': ({ call }) => call('DELETE', '/api/alice?confirm=alice'),
}

/** How often each act waits for the database, once its connection is open and its statements are known there. */
const measure = async (t: Parameters<typeof testApp>[0], prepare: 'on' | 'off') => {
  const { url, directUrl } = await testDatabase(t)
  const wire = await countingProxy(t, prepare === 'on' ? directUrl : url)
  const db = connect({ url: wire.url, max: 1, prepare })
  const app = await testApp(t, { db, assistants: [assistant({ name: 'tutor', models: ['echo'] })] })
  const { conversation_id } = await app.chat('first')
  for (let i = 0; i < 30; i += 1) await app.chat(`message ${i}`, { conversation_id })
  const trips: Record<string, number> = {}
  for (const [what, act] of Object.entries(acts)) {
    await act(app, conversation_id)
    // On a busy machine a turn may still run at the first tick, which is one more.
    const counts: number[] = []
    for (let n = 0; n < 3; n += 1) {
      wire.reset()
      await act(app, conversation_id)
      counts.push(wire.roundTrips())
    }
    trips[what] = Math.min(...counts)
    t.comment(
      `${trips[what]} round trips, ${wire.bytes()} bytes sent: ${what}, prepared statements ${prepare}`,
    )
  }
  return trips
}

t.test('a turn costs two round trips to the database, anything else one', async (t) => {
  t.same(
    await measure(t, 'on'),
    {
      'a turn in a new conversation': 2,
      'a turn in a long conversation': 2,
      'two turns of an assistant': 4,
      getConversation: 1,
      listConversations: 1,
      listConversationsByMetadata: 1,
      listUsage: 1,
      listTurns: 1,
      searchMessages: 1,
      createConversation: 1,
      listMessages: 1,
      // and one of getConversation
      forkConversation: 2,
      updateConversation: 1,
      // The list that it looks for an answer in is one of them.
      rateMessage: 2,
      // The moment, the conversation, a page of its messages, and that there are no more.
      exportConversation: 4,
      'erasing a user of whom there is nothing': 1,
    },
    'each costs no more than these',
  )
})

t.test('where a pooler forbids prepared statements, a turn costs four', async (t) => {
  const trips = await measure(t, 'off')
  t.equal(trips['a turn in a new conversation'], 4, 'in a new conversation')
  t.equal(trips['a turn in a long conversation'], 4, 'in a long conversation')
})

t.test('turns at once cost fewer statements than there are turns', async (t) => {
  const { url } = await testDatabase(t)
  const db = connect({ url, max: 5, prepare: 'auto' })
  const gated = gatedModel()
  let statements = 0
  const { chat } = await testApp(t, {
    model: gated.model,
    limits: { leaseMs: 600_000 },
    db: {
      ...db,
      // As far away as a database in another region.
      async statement(work, line) {
        if (line === undefined) {
          statements += 1
          await delay(50)
        }
        return db.statement(work, line)
      },
    },
  })
  const users = Array.from({ length: 100 }, (_, n) => `user-${n}`)
  const answers = users.map((user) => chat('hi', { user }))
  await until(() => gated.working() === users.length)
  gated.open()
  await Promise.all(answers)
  t.comment(`${statements} statements for ${users.length} turns`)
  t.ok(statements < users.length, 'turns share statements')
})
