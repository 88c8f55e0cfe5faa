import t from 'tap'
import { connect, connectReplica } from '../../src/db/connect.js'
import type { Sql } from '../../src/db/database.js'
import { createReads } from '../../src/db/reads.js'

import { behind, readIdentity } from '../../src/db/replica.js'
import { beginning, fromLsn } from '../../src/db/wal-positions.js'
import { newId } from '../../src/new-id.js'
import { asynchronousStandby, replicaScene, walPosition } from '../helpers/replica.js'
import { runColloquy } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { until } from '../helpers/wait.js'

process.on('uncaughtException', (error) => t.fail('an uncaught exception', { error }))
process.on('unhandledRejection', (error) => t.fail('an unhandled rejection', { error }))
t.setTimeout(240_000)

const cluster = await asynchronousStandby(t)

for (const prepare of ['auto', 'off'] as const) {
  t.test(`a client reads what it has written and seen: prepare ${prepare}`, async (t) => {
    const { call, chat, read, pause, resume, caughtUp, wire, outcomes } = await replicaScene(
      t,
      cluster,
      prepare,
    )
    const old = await chat('the old message')
    await call('POST', '/api/bob/chat', { user: 'bob', body: { message: 'the message of bob' } })
    const seen = await read('/conversations')
    t.match(seen, { from: 'no_token', token: /^[\dA-F]{16}$/ }, 'without a token from the primary, with one')
    await caughtUp()

    const conversation = `/conversations/${old.conversation_id}`
    const paths = [
      '/conversations',
      conversation,
      `${conversation}/messages`,
      `${conversation}/turns`,
      `/messages/${old.message_id}`,
      '/search?q=old',
      '/usage',
    ]
    for (const path of paths) {
      const there = await read(path, seen.token)
      t.match(there, { status: 200, from: 'replica' }, `${path}: from the replica`)
      t.ok(there.token > seen.token, `${path}: with a token of what the replica has`)
      wire.reset()
      await read(path, seen.token)
      // A pooler's connection is told to begin, prepared, asked, and told to commit.
      t.equal(
        wire.roundTrips(),
        prepare === 'auto' ? 1 : 4,
        `${path}: in as many round trips as on the primary`,
      )
      t.same(there.body, (await read(path)).body, `${path}: as the primary answers it`)
      const others = path.replace('old', 'bob')
      const strange = await read(others, seen.token, 'carol')
      t.notMatch(strange.text, /message of/, `${path}: nothing of other users`)
    }

    await pause()
    const written = await call('POST', '/api/alice/chat', { body: { message: 'the new message' } })
    const token = written.headers.get('consistency-token') ?? ''
    t.ok(token > seen.token, 'a write is later than what was seen before')
    const mine = await read('/conversations', token)
    t.match(mine, { from: 'behind', token: /./ }, 'what the replica does not have yet, the primary has')
    t.equal(mine.body.data.length, 2, 'so a client reads its own write')
    const before = await read('/conversations', seen.token)
    t.match(before, { from: 'replica' }, 'who has not seen it, gets what the replica has')
    t.ok(before.token >= seen.token && before.token < token, 'with a token of that')
    t.equal(before.body.data.length, 1, 'which is a moment old')
    const { conversation_id, message_id } = written.body
    for (const path of [`/conversations/${conversation_id}`, `/messages/${message_id}`])
      t.match(await read(path, seen.token), { status: 200, from: 'not_found' }, `${path}: is never missing`)
    const messages = await read(`/conversations/${conversation_id}/messages`, seen.token)
    t.match(messages, { status: 200, from: 'not_found' }, 'nor are its messages')
    t.equal(messages.body.data.length, 2, 'which are all there')
    const exported = await read('/export')
    t.match(exported.text, /the new message/, 'an export has all that was written before it')
    t.match(exported.from, /^no_token( behind)+$/, 'so the primary answers what the replica does not have')

    await resume()
    const after = await read('/conversations', token)
    t.match(after, { from: 'replica' }, 'when the replica has it, it answers')
    t.equal(after.body.data.length, 2, 'with the write')
    // What has not been waited for is on the disk, and so on its way to the standby, a moment later.
    await until(async () => (await read('/export')).from.endsWith('replica'), 'an export from the replica')
    t.match(await read(`/conversations/${newId()}`, token), { status: 404 }, 'what is nowhere is 404')
    for (const nonsense of ['x', `${token}0`, `${token},${token}`])
      t.match(
        await read('/conversations', nonsense),
        { status: 200, from: 'no_token' },
        `${nonsense}: no token`,
      )
    for (const [fault, wrong] of [
      ['too long', 'x'.repeat(65)],
      ['of two words', `${token}, ${token}`],
    ] as const)
      t.match(await read('/conversations', wrong), { status: 422 }, `one that is ${fault} is refused`)
    t.notOk(outcomes.includes('unavailable'), 'nothing has failed')
    await call('DELETE', '/api/alice?confirm=alice')
  })
}

t.test('every write tells where it is, and every failure of the replica is the primary', async (t) => {
  const scene = await replicaScene(t, cluster)
  const { call, chat, read, caughtUp, wire, onPrimary, onStandby, primary, standby, readReplica } = scene
  const { conversation_id: id, message_id } = await chat('Hello')
  const { text: file } = await read('/export')
  const writes: [method: string, path: string, body?: unknown][] = [
    ['POST', '/conversations', {}],
    ['POST', '/chat', { message: 'more', conversation_id: id }],
    ['PATCH', `/conversations/${id}`, { title: 'another' }],
    ['PUT', `/messages/${message_id}/feedback`, { rating: 'up' }],
    ['POST', `/conversations/${id}/fork`, { message_id }],
    ['POST', '/import', file],
    ['DELETE', `/conversations/${id}`],
    ['DELETE', '?confirm=alice'],
  ]
  for (const [method, path, body] of writes) {
    const before = fromLsn(await walPosition(onPrimary))
    const isImport = path === '/import'
    const user = isImport ? 'bob' : 'alice'
    const type = isImport ? 'application/x-ndjson' : 'application/json'
    const answer = await call(method, `/api/${user}${path}`, {
      user,
      ...(body !== undefined && { body, headers: { 'content-type': type } }),
    })
    t.ok(answer.status < 300, `${method} ${path}: ${answer.status}`)
    t.ok((answer.headers.get('consistency-token') ?? '') > before, `${method} ${path}: its token is after it`)
  }
  const began = await scene.stream('POST', '/api/alice/chat/stream', { body: { message: 'Hi' } })
  t.equal(began.headers.get('consistency-token'), null, 'a stream begins before what it shows')
  await began.all()

  const { token } = await read('/conversations')
  await caughtUp()
  t.match(await read('/conversations', token), { from: 'replica' }, 'the replica answers')

  // A lock that vacuum or a migration takes on the primary ends what holds another one on the standby.
  await onStandby.unsafe('alter system set max_standby_streaming_delay = 0')
  await onStandby`select pg_reload_conf()`
  const { replica, positions } = readReplica
  const db = connect({ url: primary.url, max: 2, prepare: 'auto', positions })
  t.teardown(() => db.close(0))
  const outcomes: string[] = []
  const log = { warn() {}, info() {} }
  const onRead = (outcome: string) => outcomes.push(outcome)
  const reads = () => createReads({ primary: db, replica, positions, log, onRead })(token)
  const ended = async () => {
    const source = await reads().asUser('alice', async (sql) => {
      await sql`select from colloquy.conversations limit 1`
      const [row] = await sql<[{ is_standby: boolean }]>`select pg_is_in_recovery() as is_standby`
      if (!row.is_standby) return 'primary'
      const sleeping = sql`select pg_sleep(10)`.execute()
      await onPrimary.unsafe('begin; lock table colloquy.conversations; commit')
      await sleeping
      return 'replica'
    })
    t.equal(source, 'primary', 'a read that does not end is answered by the primary')
    return outcomes.at(-1) === 'conflict'
  }
  // On a busy machine its time limit may come first.
  await until(ended, 'replay to end a read')

  const isStandby = (sql: Sql) => sql`select pg_is_in_recovery()`
  const identity = await readIdentity(db)
  const strangers: [url: string, replicaOf: string, fault: string][] = [
    [primary.url, identity, 'CONNECTION_NOT_STANDBY'],
    [standby.url, `${identity}0`, 'CONNECTION_FOREIGN'],
  ]
  for (const [url, replicaOf, code] of strangers) {
    const stranger = connectReplica({ url, max: 1, prepare: 'auto', replicaOf })
    const refused = { name: 'DatabaseUnavailable', cause: { code } }
    await t.rejects(stranger.asUser('alice', beginning, isStandby), refused, `${code}: is not read`)
    await stranger.close(0)
  }
  const ahead = 'F'.repeat(16)
  await t.rejects(replica.asUser('alice', ahead, isStandby), { code: behind }, 'nor what is behind')

  const env = { DATABASE_URL: primary.url, DATABASE_READ_URL: standby.url, BETTER_AUTH_SECRET: SECRET }
  const told =
    /^ok {4}read replica: PostgreSQL \d.*, at DATABASE_READ_URL, (up to date|\d.* bytes of log behind)$/m
  t.match(await runColloquy(['doctor'], { env }), { code: 0, stdout: told }, 'doctor tells how far it is')
  const wrong = { ...env, DATABASE_READ_URL: primary.url }
  const fault = /^FAIL {2}read replica: .*the server is no standby$/m
  t.match(
    await runColloquy(['doctor'], { env: wrong }),
    { code: 1, stdout: fault },
    'and what is wrong with it',
  )

  wire.silence(true)
  t.equal(
    (await reads().asUser('alice', isStandby))[0]?.pg_is_in_recovery,
    false,
    'a silent one is not waited for',
  )
  t.equal(outcomes.at(-1), 'unavailable', 'for long')
  wire.silence(false)

  await onStandby`select pg_promote()`
  t.match(
    await read('/conversations', token),
    { status: 200, from: 'not_standby' },
    'a promoted one is not read',
  )
  t.match(await read('/conversations', token), { status: 200, from: 'paused' }, 'and left alone')
  t.equal((await call('GET', '/health/ready')).status, 200, 'the instance is ready all the same')
  wire.cut()
  await standby.stop()
  t.match(await read('/conversations', token), { status: 200, from: 'paused' }, 'nor one that is away')
})
