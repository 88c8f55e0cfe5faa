import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { createChannel } from '../../src/turns/attempts/attempt-log.js'
import { createProgress } from '../../src/turns/attempts/heartbeat.js'
import { emptyAnswer } from '../../src/turns/events.js'
import { type BeginTurn, beginTurn } from '../../src/turns/store/begin-turns.js'
import { cancelTurn } from '../../src/turns/store/cancel-turn.js'
import { completeTurn } from '../../src/turns/store/end-turns.js'
import { testDatabase } from '../helpers/database.js'
import { until } from '../helpers/models.js'

const id = (n: number): string => `019a0c4e-7b7a-7c11-8f0e-${n.toString(16).padStart(12, '0')}`
const request = (turn: number): BeginTurn => ({
  userId: 'alice',
  isNewConversation: true,
  conversationId: id(turn + 1),
  turnId: id(turn),
  userMessageId: id(turn + 2),
  messageId: id(turn + 3),
  message: 'hi',
  key: 'k',
  model: 'echo',
  leaseMs: 60_000,
  historyMessages: 40,
  historyTokens: 16_000,
})

// Bounded by the test's own time: what is not heard is waited for in vain.
t.test('two attempts and a follower of one turn on one instance hear what is meant for each', async (t) => {
  const { url } = await testDatabase(t)
  const db = connect({ url, max: 2, prepare: 'auto' })
  t.teardown(() => db.close())
  const turn = { userId: 'alice', conversationId: id(17), turnId: id(16) }
  const failed = { status: 'failed' as const, answer: emptyAnswer(), error: null }
  await beginTurn(db, request(16))
  await completeTurn(db, { ...turn, ...failed, attempt: 1 })
  await beginTurn(db, request(32))

  let ticks = 0
  const counted: typeof db = {
    ...db,
    async statement(work) {
      const rows = await db.statement(work)
      ticks += 1
      return rows
    },
  }
  const log = { warn: (fields: object) => t.fail('a tick failed', fields) }
  const progress = createProgress({ db: counted, leaseMs: 60_000, log, tickMs: 10 })
  const heard: string[] = []
  const releases = [1, 2].map((attempt) =>
    progress.hold(createChannel({ ...turn, attempt, userMessageId: '', messageId: '' }), (state) => {
      heard.push(`attempt ${attempt}: ${state}`)
    }),
  )
  const following = progress
    .untilEnded('alice', turn.turnId, AbortSignal.timeout(60_000))
    .then(() => heard.push('follower: ended'))
  await until(() => ticks > 1)
  t.same(new Set(heard), new Set(['attempt 1: lost']))

  await cancelTurn(db, 'alice', turn.turnId)
  await until(() => heard.includes('attempt 2: cancel'))
  const before = ticks
  await until(() => ticks > before + 1)
  t.same(new Set(heard), new Set(['attempt 1: lost', 'attempt 2: cancel']))

  await completeTurn(db, { ...turn, ...failed, attempt: 2, status: 'cancelled' })
  await following
  await until(() => heard.includes('attempt 2: lost'))
  for (const release of releases) release()
})
