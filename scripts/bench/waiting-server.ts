/**
 * A server like `colloquy serve` whose model thinks for a while before it echoes: BENCH_THINK_MS of it. It exists
 * here, because the product has no model that does nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { buildApp } from '../../src/app.js'
import { connect } from '../../src/db/connect.js'
import { createLog } from '../../src/log.js'
import { echo } from '../../src/models/echo.js'
import type { Model } from '../../src/models/model.js'

const { DATABASE_URL: url = '', BETTER_AUTH_SECRET: secret = '', BENCH_THINK_MS: thinkMs } = process.env

const slow: Model = {
  name: 'slow',
  async *run(request) {
    await sleep(Number(thinkMs), undefined, { signal: request.signal })
    yield* echo().run(request)
  },
}

const db = connect({ url, max: 10, prepare: 'auto' })
const app = await buildApp({
  db,
  model: slow,
  auth: { shared: { secret } },
  corsOrigins: [],
  log: createLog('info'),
  // Those that `colloquy serve` has.
  limits: {
    turnTimeoutMs: 120_000,
    busyWaitMs: 5_000,
    leaseMs: 15_000,
    historyMessages: 40,
    historyTokens: 16_000,
  },
  shutdownMs: 5_000,
})
process.once('SIGTERM', async () => {
  await app.close()
  await db.close()
})
await app.listen({ host: '127.0.0.1', port: 0 })
