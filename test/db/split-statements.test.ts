import t from 'tap'
import { splitStatements } from '../../src/db/split-statements.js'
import { readSqlFiles } from '../../src/db/sql-files.js'

t.test('statements are split where they end, and nowhere else', async (t) => {
  const parts = splitStatements(`-- a; comment
    select 'it''s; one', "a;b"; /* no; */ do $x$ begin; end $x$;
    select 2; -- the last`)
  t.same(
    parts.map((part) => part.trim()),
    [`-- a; comment\n    select 'it''s; one', "a;b"`, '/* no; */ do $x$ begin; end $x$', 'select 2'],
    'quotes, comments and blocks are left whole',
  )
  const { migrations } = await readSqlFiles()
  for (const { name, text } of migrations)
    t.equal(splitStatements(text).join(';').replaceAll(/\s/g, '').length > 0, true, `${name} has statements`)
})
