/** A server process of a run: `node --import tsx server.ts <options as JSON>`; it sends its URL when it listens. */
import { join } from 'node:path'
import { destination, pino } from 'pino'
import { buildApp } from '../../src/app.js'
import { retry } from '../../src/concurrency/retry.js'
import { connect } from '../../src/db/connect.js'
import { isUnavailable } from '../../src/db/errors.js'
import { migrate } from '../../src/db/migrate.js'
import { createPrices } from '../../src/models/prices.js'
import type { TurnLimits } from '../../src/turns/types.js'
import { type Moods, nonceModel } from './model.js'
import { createRandom } from './random.js'
import { now, recorder } from './records.js'

export interface ServerOptions {
  /** unique among the server processes of a run */
  name: string
  seed: number
  /** where its records and its log go */
  folder: string
  databaseUrl: string
  /** what tokens are signed with */
  secret: string
  limits: TurnLimits
  moods: Moods
  /** how many turns of a user may run at once */
  runningTurns: number
  /** of users, in microunits */
  budgets: { [user: string]: number }
}

/** An answer costs as many microunits as it has tokens. */
const limitRules = ({ runningTurns, budgets }: ServerOptions) => ({
  prices: createPrices({ currency: 'USD', models: { '*': { input: '0', output: '1' } } }),
  maxOutputTokens: 100,
  userLimits: {
    everybody: {
      ...{
        runningTurns,
        waitingMessages: 1_000,
        turnsPerMinute: null,
        turnsPerDay: null,
        tokensPerDay: null,
      },
    },
    plans: new Map(),
    users: new Map(Object.entries(budgets).map(([user, budgetPerMonth]) => [user, { budgetPerMonth }])),
  },
})

const shutdownMs = 300
const stallMs = 500

const options = JSON.parse(process.argv[2] ?? '') as ServerOptions
const { name, folder, databaseUrl: url } = options
const file = (extension: string) => join(folder, `${name}.${extension}`)

const record = recorder(file('jsonl'))
const halt = () => record({ type: 'halt', at: now(), server: name })

// A machine that is busy, or a signal, may let it stand still for so long that its leases run out.
let seenAlive = performance.now()
setInterval(() => {
  const at = performance.now()
  if (at - seenAlive > stallMs) halt()
  seenAlive = at
}, stallMs / 5).unref()

// Whoever started it is gone.
process.on('disconnect', () => process.exit(1))

// A server that ends because the database is not there yet is started again by whatever supervises it.
await retry(() => migrate(url), { when: isUnavailable, forMs: 30_000 })
const db = connect({
  url,
  max: 5,
  prepare: 'auto',
  statementTimeoutMs: 5_000,
  acquireTimeoutMs: 2_000,
})
const app = await buildApp({
  db,
  model: nonceModel({
    name,
    random: createRandom(options.seed),
    record,
    ...options.moods,
  }),
  limits: options.limits,
  ...limitRules(options),
  compact: true,
  auth: { shared: { secret: options.secret } },
  corsOrigins: [],
  log: pino({ level: 'warn' }, destination({ dest: file('log'), sync: true })),
  shutdownMs,
})
process.once('SIGTERM', () => {
  halt()
  // Clients keep connections open that nothing else would end.
  setTimeout(() => app.server.closeAllConnections(), 2 * shutdownMs).unref()
  void app
    .close()
    .then(() => db.close())
    .finally(() => process.exit(0))
})
process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }))
