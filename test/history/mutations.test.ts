import { join } from 'node:path'
import t from 'tap'
import { testFolder } from '../helpers/cluster.js'
import { isPooled } from '../helpers/database.js'
import { changesOf, type Mutation, mutant } from '../helpers/mutant.js'
import { partOf } from '../helpers/part.js'
import { drawSeed } from '../helpers/seed.js'
import type { Rule } from './check/rules.js'
import type { Fault } from './faults.js'
import { type Killable, killablePostgres } from './postgres.js'
import { type RunOptions, run } from './run.js'

interface Broken {
  what: string
  mutations: Mutation[]
  /** the rule that has to be seen broken */
  rule: Rule
  /** what shows it, again and again until it is seen */
  fault?: Fault
  load?: Pick<RunOptions, 'moods' | 'duplicates' | 'runningTurns' | 'budget' | 'leaves'>
}

const sql = /^sql\/.*\.sql$/
const turns = /^src\/turns\/.*\.ts$/

/** Promises that are broken in a copy of the program; nothing that ships can do this. */
const broken: Broken[] = [
  {
    what: 'without idempotency',
    mutations: [{ files: sql, from: /if p_key_hash is not null then\s+insert/g, to: 'if false then insert' }],
    rule: 'duplicated',
  },
  {
    what: 'with a batch that is answered before its commit',
    mutations: [
      {
        files: turns,
        from: /send: \(turns, mayWait\) => endTurns\(db, turns, mayWait\)/g,
        to: `send: async (turns, mayWait) => {
          void endTurns(db, turns, mayWait).catch(() => {})
          return turns.map(() => ({ outcome: 'stored' as const }))
        }`,
      },
    ],
    rule: 'lost',
    fault: 'terminate-backends',
  },
  {
    what: 'with the messages of other branches in the history',
    mutations: [
      { files: sql, from: /if p_path is not null then\s+select lower/g, to: 'if false then select lower' },
    ],
    rule: 'history',
  },
  {
    what: 'without the single writer of a conversation',
    mutations: [{ files: sql, from: /elsif v_last\.status = 'running' then/g, to: 'elsif false then' }],
    rule: 'interleaved',
  },
  {
    what: 'with a limit of running turns that does not hold',
    mutations: [
      {
        files: sql,
        from: /when cardinality\(v_counts\.running\) >= p_running_turns then/g,
        to: 'when false then',
      },
    ],
    rule: 'over-limit',
    load: { runningTurns: 2, moods: { quickMs: 300 } },
  },
  {
    what: 'with a budget that does not hold',
    mutations: [
      {
        files: sql,
        from: /when v_month_spent \+ v_reserved > p_budget_per_month then/g,
        to: 'when false then',
      },
    ],
    rule: 'over-budget',
    load: { budget: 300 },
  },
  {
    what: 'with deletions and expiries that change nothing',
    mutations: [
      { files: sql, from: /perform colloquy\.delete_conversations\([^;]*;/g, to: '' },
      { files: sql, from: /p_expires_at > colloquy\.clock\(\)/g, to: 'true' },
    ],
    rule: 'undead',
    load: { leaves: 0.5 },
  },
  {
    what: 'with synchronous_commit off and PostgreSQL killed',
    mutations: [
      {
        files: sql,
        from: /perform pg_catalog\.set_config\('search_path', 'pg_catalog, pg_temp', true\);/g,
        to: '$& set local synchronous_commit = off;',
      },
    ],
    rule: 'lost',
    fault: 'kill-postgres',
  },
]

// What the checker sees does not depend on the version of PostgreSQL, nor on a pooler.
const elsewhere = isPooled || process.env.COLLOQUY_TEST_POSTGRES !== undefined

t.test(
  'the checker sees each of these',
  { skip: elsewhere && 'seen on the embedded PostgreSQL' },
  async (t) => {
    const postgres: Killable = await killablePostgres(t)
    // The engine's mutations break what the others do, too.
    const lost = broken.filter(({ rule }) => rule === 'lost')
    const others = broken.filter(({ rule }) => rule !== 'lost')
    await Promise.all(broken.map(({ mutations }) => changesOf(mutations)))
    for (const { what, mutations, rule, fault, load } of partOf([lost, others])) {
      await t.test(what, async (t) => {
        const { violations } = await run({
          postgres,
          folder: join(await testFolder(t), 'run'),
          program: await mutant(t, mutations, undefined, ['test/history', 'test/helpers']),
          seed: drawSeed(t),
          turns: fault ? 0 : Number.POSITIVE_INFINITY,
          faults: fault ? Array<Fault>(100).fill(fault) : [],
          expected: rule,
          boundMs: 60_000,
          ...load,
        })
        const [seen] = violations.filter((violation) => violation.rule === rule)
        t.ok(seen, rule)
        t.comment(`${rule}: ${seen?.text}`)
      })
    }
  },
)
