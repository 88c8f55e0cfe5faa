import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { drawSeed } from '../helpers/seed.js'
import { citusPostgres } from '../history/citus.js'
import { citusFaultNames, drawFaults } from '../history/faults.js'
import { run } from '../history/run.js'

t.setTimeout(900_000)

t.test('the history keeps its rules while shards move and whatever else happens', async (t) => {
  const seed = drawSeed(t)
  const { COLLOQUY_TEST_CLUSTER: cluster = '', COLLOQUY_TEST_CITUS: database = '' } = process.env
  await testDatabase(t)
  const { violations, turns, faults, answers, gone } = await run({
    postgres: await citusPostgres(t, cluster, database),
    folder: join(await testFolder(t), 'run'),
    seed,
    turns: 200,
    faults: drawFaults(seed, 10, citusFaultNames),
    restMs: 100,
    boundMs: 800_000,
  })
  t.same(violations, [], 'no rule is broken')
  t.ok(turns >= 200, `${turns} turns`)
  t.ok((faults['move-shard'] ?? 0) >= 3, 'shards were moved')
  t.ok(answers['200 completed'], 'answers')
  t.ok(gone > 0, `${gone} conversations are gone`)
  t.comment(JSON.stringify({ turns, faults, answers }))
})
