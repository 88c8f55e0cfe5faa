import postgres from 'postgres'
import t from 'tap'
import { createCitusDatabase } from '../../scripts/citus-database.js'
import { connect } from '../../src/db/connect.js'
import { migrate } from '../../src/db/migrate.js'
import { shard } from '../../src/db/shard.js'
import { missingSharding, readShardingState } from '../../src/db/sharding.js'
import { type Migration, readSqlFiles } from '../../src/db/sql-files.js'
import { testApp } from '../helpers/app.js'
import { runColloquy } from '../helpers/server.js'
import { clusterUrl } from '../helpers/template.js'

t.setTimeout(600_000)

const cluster = process.env.COLLOQUY_TEST_CLUSTER ?? ''

/** A later release's: a table of its own, and a column of one that is distributed. */
const later: Migration = {
  version: 1_000,
  name: 'notes',
  checksum: 'none',
  oldestProgram: 1,
  text: `-- oldest program: 1
    create table colloquy.notes (user_id text not null, id uuid not null, note text, primary key (user_id, id));
    create index notes_by_note on colloquy.notes (user_id, note);
    alter table colloquy.notes enable row level security, force row level security;
    create policy acting_user on colloquy.notes using (user_id = current_setting('colloquy.user_id', true));
    alter table colloquy.turns add column note text;`,
}
/** And one after that. */
const muchLater: Migration = {
  version: 1_001,
  name: 'notes-of-conversations',
  checksum: 'none',
  oldestProgram: 1,
  text: `alter table colloquy.notes add column conversation_id uuid;
    alter table colloquy.notes add constraint notes_of foreign key (user_id, conversation_id)
      references colloquy.conversations (user_id, id) on delete cascade not valid;`,
}

t.test('a database with data is distributed, also after an interruption, and keeps it all', async (t) => {
  const { database, drop } = await createCitusDatabase(cluster, { isDistributed: false })
  t.teardown(drop)
  const url = clusterUrl(cluster, { user: 'colloquy_owner', database })
  const root = postgres(clusterUrl(cluster, { database }), { max: 1, onnotice: () => {} })
  t.teardown(() => root.end())
  await migrate(url)
  const app = await testApp(t, { databaseUrl: url })
  const users = Array.from({ length: 12 }, (_, n) => `user-${n}`)
  const said = new Map<string, string>()
  for (const user of users) said.set(user, (await app.chat('before', { user })).conversation_id)
  const counts = () => root`
    select (select count(*) from colloquy.messages) as messages, (select count(*) from colloquy.turns) as turns,
      (select count(*) from colloquy.conversations) as conversations, (select count(*) from colloquy.usage) as usage,
      (select count(*) from colloquy.turn_counts) as turn_counts`
  const before = await counts()

  const interrupted = new AbortController()
  await t.rejects(
    shard(url, {
      shards: 4,
      onTable: ({ number }) => number === 6 && interrupted.abort(new Error('as asked')),
      signal: interrupted.signal,
    }),
    { message: 'as asked' },
    'it is interrupted',
  )
  const [{ begun }] = await root<[{ begun: number }]>`
    select count(*)::integer as begun from pg_dist_partition where logicalrelid::text <> 'colloquy.migrations'`
  t.equal(begun, 0, 'and no table is distributed then')
  const check = () => runColloquy(['shard', '--check'], { env: { DATABASE_URL: url } })
  const half = await check()
  t.equal(half.code, 1, 'the check tells so')
  t.match(
    half.stdout,
    /^missing: not distributed: colloquy\.conversations, .*others$/m,
    'and what is missing',
  )

  await shard(url, { shards: 4 })
  t.same(await counts(), before, 'every row is there once')
  const whole = await check()
  t.match(whole.stdout, /distributed by user over \d+ nodes?, in 4 shards/, 'the check has nothing to say')
  t.equal(whole.code, 0, 'and passes')
  t.same(await shard(url, { shards: 4 }), [], 'nothing is left to do')
  for (const user of users) {
    // The instance has not been started anew.
    const { status, body } = await app.call('POST', `/api/${user}/chat`, {
      user,
      body: { message: 'after', conversation_id: said.get(user) },
    })
    t.equal(status, 200, `${user} goes on`)
    const { body: page } = await app.call(
      'GET',
      `/api/${user}/conversations/${body.conversation_id}/messages`,
      { user },
    )
    t.equal(page.data?.length, 4, `${user} has what was said before and after`)
  }

  const files = await readSqlFiles()
  const added = { ...files, migrations: [...files.migrations, later, muchLater] }
  await migrate(url, { files: added })
  const db = connect({ url, max: 1, prepare: 'off' })
  t.teardown(() => db.close())
  const state = await db.asLogin((sql) => readShardingState(sql, added))
  t.same(missingSharding(state), [], 'what a later migration adds is distributed')
  await db.asUser(
    'user-1',
    (sql) => sql`insert into colloquy.notes (user_id, id) values ('user-1', gen_random_uuid())`,
  )
  const seen = (user: string) => db.asUser(user, (sql) => sql`select from colloquy.notes`)
  t.equal((await seen('user-1')).length, 1, 'its rows are seen by their user')
  t.equal((await seen('user-2')).length, 0, 'and by nobody else')
})
