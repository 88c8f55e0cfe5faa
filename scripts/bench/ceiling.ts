import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import postgres from 'postgres'
import { v7 as uuidv7 } from 'uuid'
import { runProgram } from './process.js'
import { message } from './user.js'

/** In new conversations, or in those that users have. */
export type Kind = 'new' | 'continued'

export interface CeilingOptions {
  url: string
  kind: Kind
  /** how many connections to the database, at most 10 */
  connections: number
  seconds: number
  folder: string
  signal: AbortSignal
}

/** Whose users make the turns: each owns one conversation, and each connection has ten of them to itself. */
export const ceilingPlot = { prefix: 'ceiling', users: 100, conversations: 1, messages: 40 }
const usersPerConnection = 10

export const pgbenchVersion = (): Promise<string | undefined> =>
  runProgram('pgbench', ['--version'], { signal: AbortSignal.timeout(5_000), boundMs: 5_000 }).then(
    (version) => version.trim(),
    () => undefined,
  )

const usage = { input_tokens: null, output_tokens: null, cached_input_tokens: null, total_tokens: null }

// A conversation's id shows the number of its owner; seed.ts makes it.
const scriptOf = (kind: Kind): string => `
\\set n :client_id * ${usersPerConnection} + random(0, ${usersPerConnection - 1})
select conversation_id, turn_id, attempt, history
from colloquy.begin_turn('ceiling-' || lpad((:n)::text, 6, '0'),
  ${kind === 'new' ? 'uuidv7(), true' : `('00000000-' || lpad((:n)::text, 2, '0') || '00-7000-8000-000000000000')::uuid, false`},
  uuidv7(), uuidv7(), uuidv7(), '${message}', '${message.slice(0, 80)}', 'echo', 15000, 40, 16000) \\gset
select outcome
from colloquy.complete_turn('ceiling-' || lpad((:n)::text, 6, '0'), :conversation_id, :turn_id, :attempt,
  'completed', 'Echo: ${message}', '[]', '${JSON.stringify(usage).replaceAll(':', ': ')}', null, null) \\gset
`

/** Turns per second that pgbench makes, by the same two calls of functions and with as many connections as a pool. */
export const pgbench = async (options: CeilingOptions): Promise<number> => {
  const { url, kind, connections, seconds, folder, signal } = options
  const script = join(folder, `ceiling-${kind}.sql`)
  await writeFile(script, scriptOf(kind))
  const output = await runProgram(
    'pgbench',
    [
      '--no-vacuum',
      '--protocol=prepared',
      `--client=${connections}`,
      `--time=${seconds}`,
      `--file=${script}`,
      url,
    ],
    { signal, boundMs: (seconds + 60) * 1000 },
  )
  const turnsPerSecond = Number(/^tps = ([\d.]+)/m.exec(output)?.[1])
  if (!(turnsPerSecond > 0)) throw new Error(`pgbench made no turns:\n${output}`)
  return turnsPerSecond
}

/** The same by the bare driver, where there is no pgbench. */
export const bareDriver = async ({
  url,
  kind,
  connections,
  seconds,
  signal,
}: CeilingOptions): Promise<number> => {
  const sql = postgres(url, { max: connections, onnotice: () => {} })
  const owned = await sql<{ user_id: string; id: string }[]>`
    select user_id, id from colloquy.conversations where id < '00000001-0000-7000-8000-000000000000'
      and user_id like 'ceiling-%' order by user_id`
  const turn = async ({ user_id, id }: { user_id: string; id: string }) => {
    const [begun] = await sql`
      select conversation_id, turn_id, attempt, history
      from colloquy.begin_turn(${user_id}, ${kind === 'new' ? uuidv7() : id}, ${kind === 'new'}, ${uuidv7()},
        ${uuidv7()}, ${uuidv7()}, ${message}, ${message.slice(0, 80)}, 'echo', 15000, 40, 16000)`
    await sql`
      select outcome
      from colloquy.complete_turn(${user_id}, ${begun?.conversation_id}, ${begun?.turn_id}, ${begun?.attempt},
        'completed', ${`Echo: ${message}`}, '[]', ${sql.json(usage)}, null, null)`
  }
  const start = performance.now()
  const end = start + seconds * 1000
  let turns = 0
  const work = async (client: number) => {
    for (let n = 0; performance.now() < end && !signal.aborted; n += 1, turns += 1) {
      const owner = owned[client * usersPerConnection + (n % usersPerConnection)]
      if (!owner) throw new Error('the plot of the ceiling is not there')
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
