import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { estimateTokens } from '../../src/turns/agent/history-window.js'
import { beginTurns } from '../../src/turns/store/begin-turns.js'
import { endTurns } from '../../src/turns/store/end-turns.js'
import { runProgram } from './process.js'
import type { Owned } from './seed.js'
import { bareDatabase, endOf, type Kind, newTurn } from './turn.js'
import { message } from './user.js'

interface CeilingOptions {
  url: string
  kind: Kind
  /** number of database connections, at most 10 */
  connections: number
  seconds: number
  folder: string
  signal: AbortSignal
}

/** The users of the ceiling's turns: each has one conversation, and each connection has ten users of its own. */
export const ceilingPlot = { prefix: 'ceiling', users: 100, conversations: 1, messages: 40 }
const usersPerConnection = 10

export const pgbenchVersion = (): Promise<string | undefined> =>
  runProgram('pgbench', ['--version'], { signal: AbortSignal.timeout(5_000), boundMs: 5_000 }).then(
    (version) => version.trim(),
    () => undefined,
  )

const numberOfUser = `lpad((:n)::text, 6, '0')`
const json = (fields: Record<string, string>): string =>
  `json_build_array(json_build_object(${Object.entries(fields)
    .map(([name, value]) => `'${name}', ${value}`)
    .join(', ')}))`

// seed.ts derives a conversation's id from the number of its owner.
const ownedId = `'00000000-' || lpad((:n)::text, 2, '0') || '00-7000-8000-000000000000'`

/** Calls the functions as src/turns/store does, one turn at a time. */
const scriptOf = (kind: Kind): string => `
\\set n :client_id * ${usersPerConnection} + random(0, ${usersPerConnection - 1})
select turn_id, attempt, history
from colloquy.begin_turns(p_entries => ${json({
  user_id: `'ceiling-' || ${numberOfUser}`,
  conversation_id: kind === 'new' ? 'uuidv7()' : ownedId,
  is_new: String(kind === 'new'),
  turn_id: 'uuidv7()',
  user_message_id: 'uuidv7()',
  message_id: 'uuidv7()',
  message: `'${message}'`,
  title: `'${message.slice(0, 80)}'`,
  model: `'echo'`,
  lease_ms: '15000',
  history_messages: '40',
  history_tokens: '16000',
})}, p_may_wait => false) \\gset
select outcome
from colloquy.end_turns(p_entries => ${json({
  user_id: `'ceiling-' || ${numberOfUser}`,
  turn_id: '(:turn_id)::text',
  attempt: '(:attempt)::integer',
  model: `'echo'`,
  status: `'completed'`,
  content: `'Echo: ${message}'`,
  tool_calls: `'[]'::json`,
  window_tokens: String(estimateTokens(`${message}Echo: ${message}`)),
  has_events: 'false',
})}, p_may_wait => false) \\gset
`

interface PgbenchOptions extends Pick<CeilingOptions, 'url' | 'connections' | 'seconds' | 'signal'> {
  /** path of a file */
  script: string
}

/** Measures a script's transactions per second with pgbench. */
export const runPgbench = async (options: PgbenchOptions): Promise<number> => {
  const { url, script, connections, seconds, signal } = options
  const args = ['--no-vacuum', '--protocol=prepared', `--client=${connections}`, `--time=${seconds}`]
  const output = await runProgram('pgbench', [...args, `--file=${script}`, url], {
    signal,
    boundMs: (seconds + 60) * 1000,
  })
  const turnsPerSecond = Number(/^tps = ([\d.]+)/m.exec(output)?.[1])
  if (!(turnsPerSecond > 0)) throw new Error(`pgbench made no turns:\n${output}`)
  return turnsPerSecond
}

/** Turns per second in pgbench, with the same two function calls and at most a pool's number of connections. */
export const pgbench = async ({ kind, folder, ...options }: CeilingOptions): Promise<number> => {
  const script = join(folder, `ceiling-${kind}.sql`)
  await writeFile(script, scriptOf(kind))
  return runPgbench({ ...options, script })
}

/** The same with the bare driver, where pgbench is not installed. */
export const bareDriver = async ({
  url,
  kind,
  connections,
  seconds,
  signal,
}: CeilingOptions): Promise<number> => {
  const sql = postgres(url, { max: connections, onnotice: () => {} })
  const owned = await sql<Owned[]>`
    select user_id, id from colloquy.conversations where id < '00000001-0000-7000-8000-000000000000'
      and user_id like 'ceiling-%' order by user_id`
  const db = bareDatabase(sql)
  const turn = async (owner: Owned) => {
    const entry = newTurn(kind, owner)
    await beginTurns(db, [entry], false)
    await endTurns(db, [endOf(entry)], false)
  }
  const start = performance.now()
  const end = start + seconds * 1000
  let turns = 0
  const work = async (client: number) => {
    for (let n = 0; performance.now() < end && !signal.aborted; n += 1, turns += 1) {
      const owner = owned[client * usersPerConnection + (n % usersPerConnection)]
      if (!owner) throw new Error('the plot of the ceiling was not seeded')
      await turn(owner)
    }
  }
  try {
    await Promise.all(Array.from({ length: connections }, (_, client) => work(client)))
    return turns / ((performance.now() - start) / 1000)
  } finally {
    await sql.end({ timeout: 1 })
  }
}
