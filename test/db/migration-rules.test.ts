import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { readSqlFiles } from '../../src/db/sql-files.js'
import { packageRoot } from '../../src/root.js'
import { migrationFaults } from '../helpers/migration-rules.js'

const { migrations, functionSet } = await readSqlFiles()

t.test('no migration holds up a service that runs', async (t) => {
  t.same(migrationFaults(migrations), [], 'each keeps the rules')
})

t.test('migrations are numbered from 1 on, without gaps', async (t) => {
  const versions = migrations.map(({ version }) => version)
  const counted = migrations.map((_, n) => n + 1)
  t.same(versions, counted, 'no version is missing or out of order')
  for (const { oldestProgram, version } of migrations)
    t.ok(oldestProgram <= version, `migration ${version} asks for no program newer than itself`)
})

/** Each with the beginning of what is said of it, as a second migration. */
const refused: [statement: string, why: string][] = [
  ["alter table colloquy.turns add constraint c check (status <> '')", 'a constraint comes `not valid`'],
  ['alter table colloquy.turns add check (attempt > 0)', 'a constraint comes `not valid`'],
  [
    'alter table colloquy.turns add constraint f foreign key (user_id) references colloquy.plans (user_id)',
    'a constraint comes `not valid`',
  ],
  ['alter table colloquy.turns add constraint u unique (user_id, begun_by)', 'a unique constraint is made'],
  ['alter table colloquy.turns add column n integer check (n > 0)', 'a column comes without constraints'],
  ['alter table colloquy.turns add column n integer not null', 'a column that is not null'],
  ['alter table colloquy.turns add column n uuid default gen_random_uuid()', 'a default that is no constant'],
  ['alter table colloquy.turns alter column attempt type bigint', 'another type'],
  ['alter table colloquy.turns alter column lease_until set not null', 'it scans the table'],
  ['create index turns_by_model on colloquy.turns (user_id, model)', 'writers wait'],
  ["update colloquy.turns set model = 'echo'", 'it keeps what it touches locked'],
  ['create index concurrently i on colloquy.new_one (user_id)', 'a migration runs in a transaction'],
  ["set local lock_timeout = '1min'", 'how long it waits for locks'],
  ['do $$ begin end $$', 'no blocks of code'],
  ['create function colloquy.f() returns void language sql return null', 'functions are in sql/functions'],
  ['create policy p on colloquy.turns using (user_id = colloquy.who())', 'policies, checks and defaults'],
  [
    'alter table colloquy.turns add column at timestamptz default colloquy.clock()',
    'policies, checks and defaults',
  ],
  ['ALTER TABLE colloquy.turns ADD n integer NOT NULL', 'a column that is not null'],
  ["create policy p on colloquy.turns using (user_id = (select current_setting('a')))", 'no subquery'],
  [
    `alter table colloquy.turns add constraint c check (attempt > 0) not valid;
     alter table colloquy.turns validate constraint c`,
    'a constraint is validated in a later migration',
  ],
]

const allowed = [
  `create table colloquy.plans (user_id text not null, id uuid not null, n integer check (n > 0), primary key (user_id, id));
   create index plans_by_n on colloquy.plans (user_id, n);
   alter table colloquy.plans add constraint plans_n check (n < 9)`,
  'alter table colloquy.turns add column n integer',
  "alter table colloquy.turns add column kind text not null default 'chat', add column b boolean default false",
  'alter table colloquy.turns add constraint turns_n check (attempt > 0) not valid',
  'alter table colloquy.turns validate constraint turns_n',
  'alter table colloquy.turns drop column cached_input_tokens',
  "create policy also on colloquy.turns using (current_setting('colloquy.pruning', true) = 'on')",
]

t.test('what would hold it up is refused, each for its reason', async (t) => {
  for (const [text, why] of refused) {
    const [fault] = migrationFaults([...migrations, { name: 'bad', text }])
    t.ok(fault?.startsWith(`bad: ${why}`), `${why}: ${text} (${fault})`)
  }
})

t.test('what does not is allowed', async (t) => {
  for (const text of allowed) t.same(migrationFaults([...migrations, { name: 'good', text }]), [], text)
})

t.test('functions keep to what runs on sharded tables as well', async (t) => {
  for (const { name, text } of functionSet.functions) {
    const code = text.replaceAll(/--.*$/gm, '')
    t.notMatch(code, /\breturning\b[^;]*\(\s*select\b/, `${name}: no subquery in returning`)
    t.notMatch(code, /\b(pg_(try_)?advisory_\w*lock|nextval|notify|listen)\b/i, `${name}: nothing of a node`)
  }
})

/** Each file's statements that change rows, up to what ends them. */
const changes = ['sql/functions', 'src'].flatMap((folder) =>
  readdirSync(join(fileURLToPath(packageRoot), folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(sql|ts)$/.test(name))
    .flatMap((name) => {
      const text = readFileSync(join(fileURLToPath(packageRoot), folder, name), 'utf8').replace(/--.*$/gm, '')
      return [...text.matchAll(/\b(update|delete from) colloquy\.(?!migrations)[^;`]*/g)].map(
        ([statement]) => ({ place: `${folder}/${name}`, statement }),
      )
    }),
)

t.test('no update or deletion has a volatile function, which Citus refuses', async (t) => {
  t.ok(changes.length > 40, `${changes.length} statements are looked at`)
  const volatile = /colloquy\.(clock|is_live)\(|\b(clock_timestamp|random|gen_random_uuid|set_config)\(/
  t.same(
    changes.filter(({ statement }) => volatile.test(statement)),
    [],
    'in what they set and in their conditions',
  )
})
