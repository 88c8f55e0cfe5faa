import { buildApp } from '../../src/app.js'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { createLog } from '../../src/log.js'
import type { Model } from '../../src/models/model.js'

/** Serves like `colloquy serve` until SIGTERM, with a benchmark's own model and optionally its own database wrapper. */
export const serveModel = async (model: Model, wrap = (db: Database): Database => db): Promise<void> => {
  const { DATABASE_URL: url = '', BETTER_AUTH_SECRET: secret = '', BENCH_CONNECTIONS = '4000' } = process.env
  const db = connect({ url, max: 10, prepare: 'auto' })
  const app = await buildApp({
    db: wrap(db),
    model,
    auth: { shared: { secret } },
    corsOrigins: [],
    log: createLog('info'),
    // The defaults of `colloquy serve`.
    limits: {
      turnTimeoutMs: 120_000,
      busyWaitMs: 5_000,
      leaseMs: 15_000,
      historyMessages: 40,
      historyTokens: 16_000,
      toolSteps: 8,
      toolCalls: 32,
      toolTimeoutMs: 30_000,
    },
    shutdownMs: 5_000,
    maxConnections: Number(BENCH_CONNECTIONS),
  })
  process.once('SIGTERM', async () => {
    await app.close()
    await db.close()
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
}
