/** What holds up a service that runs: scans, rewrites and waits under a lock of a table that others use. */

interface Rule {
  /** what of a statement about a table from an older migration is refused */
  refused: RegExp
  why: string
}

const onOldTables: Rule[] = [
  {
    refused: /\badd (constraint \S+ )?(check|foreign key)\b(?!.*\bnot valid\b)/,
    why: 'a constraint comes `not valid`, and is validated by a later migration',
  },
  {
    refused: /\badd (constraint \S+ )?(primary key|unique|exclude)\b(?!.*\busing index\b)/,
    why: 'a unique constraint is made of an index that is there already',
  },
  {
    refused: /\badd column .*\b(check|references|unique|primary key)\b/,
    why: 'a column comes without constraints, which are added `not valid`',
  },
  {
    refused: /\badd column (?!.*\bdefault\b).*\bnot null\b/,
    why: 'a column that is not null needs a default for the rows that are there',
  },
  {
    refused: /\badd column .*\bdefault (?!(-?[\d.]+|'[^']*'(::\w+)?|true|false|null)(\s|,|$))/,
    why: 'a default that is no constant rewrites the table',
  },
  { refused: /\badd column .*\bgenerated\b/, why: 'a generated column rewrites the table' },
  { refused: /\balter column \S+ (set data )?type\b/, why: 'another type rewrites the table' },
  { refused: /\bset not null\b/, why: 'it scans the table: add a check `not valid`, and validate that' },
  { refused: /\bset (tablespace|logged|unlogged|access method)\b/, why: 'it rewrites the table' },
  { refused: /^create (unique )?index\b/, why: 'writers wait until the index is built' },
  {
    refused: /^(update|delete from|truncate|cluster|reindex|vacuum)\b/,
    why: 'it keeps what it touches locked',
  },
]

const anywhere: Rule[] = [
  { refused: /\$\w*\$/, why: 'no blocks of code, which cannot be judged' },
  { refused: /^create (or replace )?(function|procedure|trigger)\b/, why: 'functions are in sql/functions' },
  {
    refused: /\bcolloquy\.\w+\(/,
    why: 'policies, checks and defaults call no function of ours',
  },
  { refused: /^(create|alter) policy\b.*\(\s*select\b/, why: 'no subquery in a policy, which Citus refuses' },
  { refused: /\b(lock|statement)_timeout\b/, why: 'how long it waits for locks is up to `migrate`' },
  { refused: /\bconcurrently\b/, why: 'a migration runs in a transaction' },
  {
    refused: /\b(bigserial|serial|smallserial|create sequence)\b|generated .* as identity/,
    why: 'no sequences',
  },
]

const columnWithoutKeyword =
  /\badd (?!column |constraint |check\b|foreign key|primary key|unique\b|exclude\b)/g

/** In lower case, on a line each, without comments. */
const statementsOf = (text: string): string[] =>
  text
    .replaceAll(/--.*$/gm, '')
    .split(';')
    .map((statement) => statement.replaceAll(/\s+/g, ' ').trim().toLowerCase())
    .map((statement) => statement.replaceAll(columnWithoutKeyword, 'add column '))
    .filter((statement) => statement !== '')

const tablesIn = (statement: string): string[] =>
  [...statement.matchAll(/\bcolloquy\.(\w+)/g)].map(([, name]) => name ?? '')

const validation = /\bvalidate constraint (\w+)/
const addition = /\badd constraint (\w+) .*\bnot valid\b/

/** What the migrations, in their order, do that would stop a service that runs; a sentence for each. */
export const migrationFaults = (migrations: { name: string; text: string }[]): string[] => {
  const faults: string[] = []
  const old = new Set<string>()
  for (const { name, text } of migrations) {
    const statements = statementsOf(text)
    const added = new Set(statements.map((statement) => addition.exec(statement)?.[1]))
    const made: string[] = []
    for (const statement of statements) {
      const table = /^create table (?:if not exists )?colloquy\.(\w+)/.exec(statement)?.[1]
      if (table) made.push(table)
      const isOld = tablesIn(statement).some((table) => old.has(table) && !made.includes(table)) && !table
      const broken = [...anywhere, ...(isOld ? onOldTables : [])].filter(({ refused }) =>
        refused.test(statement),
      )
      faults.push(...broken.map(({ why }) => `${name}: ${why}: ${statement}`))
      const validated = validation.exec(statement)?.[1]
      if (validated && added.has(validated)) {
        faults.push(`${name}: a constraint is validated in a later migration, without the lock: ${statement}`)
      }
    }
    for (const table of made) old.add(table)
  }
  return faults
}
