import { readdir, readFile } from 'node:fs/promises'
import postgres from 'postgres'
import t from 'tap'
import { migrate } from '../../src/db/migrate.js'
import { buildFunctionSet, readSqlFiles, type SqlFiles, type SqlFunction } from '../../src/db/sql-files.js'
import { packageRoot } from '../../src/root.js'
import { testDatabase } from '../helpers/database.js'

type Test = Parameters<typeof testDatabase>[0]

const { migrations, functionSet } = await readSqlFiles()

const setUp = async (t: Test, options?: Parameters<typeof testDatabase>[1]) => {
  const database = await testDatabase(t, options)
  const sql = postgres(database.superuserUrl, { max: 1, onnotice: () => {} })
  t.teardown(() => sql.end())
  return { ...database, sql }
}

interface Program {
  /** what stands in place of the program's own functions of these names, or beside them */
  functions?: Record<string, string>
  retired?: string
  version?: string
  migrations?: SqlFiles['migrations']
}

/** Another release of this program. */
const program = ({ functions = {}, retired = '', version = functionSet.program, ...other }: Program) => {
  const own = functionSet.functions.filter(({ name }) => !(name in functions))
  const others = Object.entries(functions).map(
    ([name, text]): SqlFunction => ({ name, text, isInternal: false }),
  )
  return {
    files: {
      migrations: other.migrations ?? migrations,
      functionSet: buildFunctionSet([...own, ...others], retired, version),
    },
  }
}

const answering = (name: string, answer: number, parameters = '') => `
  create or replace function colloquy.${name}(${parameters}) returns integer language plpgsql
  as $$ begin return ${answer}; end $$;`

t.test('each function of the database is that of its file, and each file is one of them', async (t) => {
  const { sql } = await setUp(t)
  const stored = await sql<{ name: string; body: string }[]>`
    select p.proname as name, p.prosrc as body
    from pg_catalog.pg_proc p
    where p.pronamespace = 'colloquy'::regnamespace
    order by p.proname collate "C"`
  const files = functionSet.functions.map(({ name, text }) => {
    const made = [...text.matchAll(/^create (?:or replace )?function colloquy\.(\w+)\(/gm)]
    t.same(
      made.map((match) => match[1]),
      [name],
      `${name}.sql makes ${name}`,
    )
    t.match(text, /^-- /, `${name}.sql begins with what it does`)
    return { name, body: /\$\$(.*)\$\$;\n$/s.exec(text)?.[1] }
  })
  t.same([...stored], files, 'the bodies are those of the files')
})

t.test('the functions that the program calls, and no others, are outside of internal/', async (t) => {
  const folder = new URL('src/', packageRoot)
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts'))
  const sources = await Promise.all(names.map((name) => readFile(new URL(name, folder), 'utf8')))
  const called = new Set(
    sources.flatMap((text) => [...text.matchAll(/\bcolloquy\.(\w+)\(/g)].map(([, name]) => name)),
  )
  t.same(
    [...called].sort(),
    functionSet.functions.filter(({ isInternal }) => !isInternal).map(({ name }) => name),
    'the public functions are those called',
  )
})

t.test('a function that the program calls has its search_path before anything else', async (t) => {
  const safe =
    /^(set search_path = pg_catalog, pg_temp$|begin\n( *--.*\n)* *perform (pg_catalog\.set_config\('search_path'|colloquy\.act_as\())/m
  // What PostgreSQL works out before the body's first statement.
  const constants = /:= (?!0;|'\{\}';).*/g
  // act_as() calls the first, the second is a single call that names its schema, and PostgreSQL writes the bodies of the others
  // into queries, which come after act_as().
  const exempt = ['app_role', 'clock', 'is_live', 'expiry_of']
  for (const { name, text, isInternal } of functionSet.functions) {
    if (isInternal || exempt.includes(name)) continue
    t.match(text, safe, `${name} sets its search_path first`)
    const declared = /^declare\n(.*?)^begin$/ms.exec(text)?.[1] ?? ''
    t.same(declared.match(constants) ?? [], [], `${name} works out nothing before that`)
  }
})

t.test('functions that read tables are in PL/pgSQL, which keeps their plans', async (t) => {
  for (const { name, text } of functionSet.functions) {
    if (/^language sql/m.test(text)) t.notMatch(text.replace(/--.*/g, ''), /\bfrom\b/, name)
  }
})

t.test('functions that differ are replaced, and said to have been', async (t) => {
  const { url, sql } = await setUp(t)
  const lines: string[] = []
  const changed = program({ functions: { answer: answering('answer', 1) } })
  t.same(
    await migrate(url, { ...changed, log: (line) => lines.push(line) }),
    [`functions of version ${functionSet.program}`],
    'the functions are applied',
  )
  t.same(lines, [`applied the functions of version ${functionSet.program}`], 'the log says so')
  t.same(await sql`select colloquy.answer() as answer`, [{ answer: 1 }], 'the new function answers')
  t.same(await migrate(url, changed), [], 'once')
  const replaced = program({ functions: { answer: answering('answer', 2) } })
  await migrate(url, { ...replaced, log: (line) => lines.push(line) })
  t.same(await sql`select colloquy.answer() as answer`, [{ answer: 2 }], 'its replacement answers')
  t.equal(lines.length, 2, 'and has waited for nobody')
})

t.test('all functions come in one transaction, or none', async (t) => {
  const { url, sql } = await setUp(t)
  await migrate(url, program({ functions: { answer: answering('answer', 1) } }))
  const broken = program({
    functions: { answer: answering('answer', 2), zz: 'create function colloquy.zz(' },
  })
  await t.rejects(migrate(url, broken), { code: '42601' }, 'a broken function is refused')
  t.same(await sql`select colloquy.answer() as answer`, [{ answer: 1 }], 'the old one stays')
  const other = answering('answer', 2).replace('returns integer', 'returns bigint')
  await t.rejects(
    migrate(url, program({ functions: { answer: other } })),
    { code: '42P13' },
    'another answer needs another name',
  )
  t.same(await sql`select colloquy.answer() as answer`, [{ answer: 1 }], 'the old one stays')
})

t.test('an older program leaves the functions of a newer one as they are', async (t) => {
  const { url, sql } = await setUp(t)
  const [last] = migrations.slice(-1)
  if (!last) throw new Error('there is no migration')
  const newer = { ...last, version: last.version + 1, name: 'newer', text: 'select 1;', checksum: 'newer' }
  const old = program({ functions: { answer: answering('answer', 1) } })
  await migrate(url, old)

  const functions = { answer: answering('answer', 2) }
  await migrate(url, program({ functions, version: '9.10.0' }))
  t.same(await migrate(url, old), [], 'by the version of the program')
  t.same(await migrate(url, program({ functions: {}, version: '9.9.1' })), [], 'versions compare as numbers')
  await migrate(url, program({ functions, version: '0.0.1', migrations: [...migrations, newer] }))
  t.same(
    await migrate(url, program({ functions: {}, version: '9.11.0' })),
    [],
    'by the newest of its migrations, which counts more',
  )
  t.same(await sql`select colloquy.answer() as answer`, [{ answer: 2 }], 'the newer function stays')
})

t.test('a retired function goes, and a new one of its name may come', async (t) => {
  const { url, sql } = await setUp(t)
  await migrate(url, program({ functions: { answer: answering('answer', 1) } }))
  const retired = 'drop function if exists colloquy.answer();'
  const functions = { answer: answering('answer', 2, 'p_of integer') }
  await migrate(url, program({ functions, retired }))
  t.same(
    await sql`
      select p.oid::regprocedure::text as name from pg_catalog.pg_proc p
      where p.pronamespace = 'colloquy'::regnamespace and p.proname = 'answer'`,
    [{ name: 'colloquy.answer(integer)' }],
    'only the new function is left',
  )
  await migrate(url, program({ retired: 'drop function if exists colloquy.answer(integer);' }))
  await t.rejects(sql`select colloquy.answer(1)`, { code: '42883' }, 'the retired function is gone')
})
