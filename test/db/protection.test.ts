import postgres from 'postgres'
import t from 'tap'
import { connect } from '../../src/db/connect.js'
import { migrate } from '../../src/db/migrate.js'
import { protectionFaults } from '../../src/db/protection.js'
import { testCluster } from '../helpers/cluster.js'
import { type DatabaseOptions, testDatabase } from '../helpers/database.js'

type Test = Parameters<typeof testDatabase>[0]

const open = (t: Test, url: string) => {
  const db = connect({ url, max: 1, prepare: 'off' })
  t.teardown(() => db.close())
  return db
}
const administrator = (t: Test, url: string) => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return sql
}

t.test('every kind of login is bound once the database is migrated', async (t) => {
  const logins: DatabaseOptions[] = [{ login: 'owner' }, { login: 'superuser' }]
  for (const options of logins) {
    const { url } = await testDatabase(t, options)
    t.same(await protectionFaults(open(t, url)), [], options.login ?? '')
  }
  const { url } = await testDatabase(t, { login: 'plain', migrated: false })
  await migrate(url)
  t.same(await protectionFaults(open(t, url)), [], 'an owner who may not create roles')
})

t.test('every table that has a user_id has forced row-level security', async (t) => {
  const { url, superuserUrl } = await testDatabase(t)
  const sql = administrator(t, superuserUrl)
  const tables = ['conversations', 'messages', 'turns']
  for (const table of tables) {
    await sql`alter table ${sql(`colloquy.${table}`)} no force row level security`
  }
  await sql`create table colloquy.forgotten (user_id text)`
  const faults = await protectionFaults(open(t, url))
  t.same(
    faults.map(({ what }) => /colloquy\.(\w+)/.exec(what)?.[1]),
    ['conversations', 'forgotten', 'messages', 'turns', undefined],
    'and the one that was forgotten is not granted either',
  )
})

t.test(
  'a login that passes row-level security and cannot switch: refused, and the SQL mends it',
  async (t) => {
    const { url } = await testCluster(t)
    const sql = administrator(t, url)
    // As an ordinary owner migrates, who may not create roles; then somebody gives the login too much.
    await sql`create role strong login password 'strong'`
    await sql`create database app owner strong`
    const login = new URL(url)
    Object.assign(login, { username: 'strong', password: 'strong', pathname: '/app' })
    await migrate(login.href)
    await sql`alter role strong bypassrls`

    const faults = await protectionFaults(open(t, login.href))
    t.match(faults, [{ what: /strong passes row-level security/ }])
    const db = open(t, login.href)
    await t.rejects(
      db.asUser('alice', (sql) => sql`select 1`),
      { code: '42501' },
      'and no statement of a user gets through',
    )
    const inApp = administrator(t, new URL('/app', url).href.replace('/postgres?', '/app?'))
    await inApp.unsafe(faults[0]?.mend ?? '')
    t.same(await protectionFaults(open(t, login.href)), [])
    await sql`alter role colloquy_app bypassrls`
    t.match(await protectionFaults(open(t, login.href)), [{ what: /colloquy_app passes/ }])
  },
)
