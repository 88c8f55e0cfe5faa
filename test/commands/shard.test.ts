import t from 'tap'
import { testDatabase } from '../helpers/database.js'
import { runColloquy } from '../helpers/server.js'

// What it does on a Citus cluster is in test/citus.
t.test('a plain PostgreSQL is not distributed, and says so', async (t) => {
  const { url } = await testDatabase(t)
  const runs = [['shard'], ['shard', '--check']].map((args) =>
    runColloquy(args, { env: { DATABASE_URL: url } }),
  )
  for (const { code, stdout, stderr } of await Promise.all(runs)) {
    t.equal(code, 1, 'the exit code is 1')
    t.match(stderr, /^This is a plain PostgreSQL: it has no Citus extension/m, 'a sentence says why')
    t.notMatch(stdout + stderr, /distributed now|missing:| at /, 'and nothing else')
  }
})

t.test('a wrong number of shards is refused', async (t) => {
  const { code, stderr } = await runColloquy(['shard', '--shards', '0'])
  t.equal(code, 1, 'the exit code is 1')
  t.match(stderr, /^--shards takes an integer from 1 to 64000/, 'it says what it takes')
})
