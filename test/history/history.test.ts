import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../helpers/cluster.js'
import { isPooled } from '../helpers/database.js'
import { drawSeed, runs } from '../helpers/seed.js'
import { drawFaults, faultNames } from './faults.js'
import { killablePostgres } from './postgres.js'
import { run } from './run.js'

// A server process takes up to half a minute to start on a machine that is busy with all the other tests.
t.setTimeout(360_000)

// A PostgreSQL of its own, since it is killed: of the run's version, and with a pooler of its own where the run has one.
t.test('whatever is killed, cut off or stopped, the history keeps its rules', async (t) => {
  const seed = drawSeed(t)
  const atLeast = runs(120)
  const postgres = await killablePostgres(t, process.env.COLLOQUY_TEST_POSTGRES)
  const { violations, turns, faults, answers, gone } = await run({
    postgres,
    folder: join(await testFolder(t), 'run'),
    seed,
    turns: atLeast,
    faults: drawFaults(seed, 8),
    restMs: 100,
    boundMs: 300_000,
    pooled: isPooled,
  })
  t.same(violations, [], 'no rule is broken')
  t.ok(turns >= atLeast, `${turns} turns`)
  t.same(Object.keys(faults).sort(), faultNames.toSorted(), 'every kind of fault')
  t.ok(answers['200 completed'], 'answers')
  t.ok(gone > 0, `${gone} conversations are gone`)
  t.ok(answers['stream: 200 completed'], 'streams')
})
