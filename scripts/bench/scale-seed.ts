import type { Sql } from 'postgres'
import type { Plot } from './seed.js'

/** The others: 50 conversations of 20 messages each. One in 100 of them may come back. */
export const others = (messages: number): Plot => ({
  prefix: 'other0',
  users: Math.max(200, Math.ceil(messages / 1_000)),
  conversations: 50,
  messages: 20,
  usersPerTurns: 100,
})

const tables = ['conversations', 'turns', 'messages']

/** Keeps what the others have, to be copied. */
export const keepOthers = async (sql: Sql): Promise<void> => {
  for (const table of tables)
    await sql.unsafe(
      `create table others_${table} as select * from colloquy.${table} where user_id >= 'other0' and user_id < 'other1'`,
    )
}

/** Copies it, for as many users again. Ids are a user's own, so that they may be the same. */
const copyOthers = async (sql: Sql, prefix: string): Promise<void> => {
  for (const table of tables) {
    const [{ columns = '' } = {}] = await sql<{ columns: string }[]>`
      select string_agg(quote_ident(attname), ', ' order by attnum) as columns
      from pg_attribute
      where attrelid = ${`colloquy.${table}`}::regclass and attnum > 0 and not attisdropped and attname <> 'user_id'
        and attgenerated = ''`
    await sql.unsafe(
      `insert into colloquy.${table} (user_id, ${columns})
      select $1 || user_id, ${columns} from others_${table}`,
      [prefix],
    )
  }
}

/** Makes the others ten times as many. The indexes are made anew afterwards, which takes less time than keeping them up. */
export const grow = async (sql: Sql, stage: number, progress: (text: string) => void): Promise<void> => {
  await sql`alter table colloquy.messages drop constraint messages_pkey, drop constraint messages_user_id_id_key`
  await sql`set session_replication_role = replica`
  const times = 9 * 10 ** (stage - 1)
  for (let copy = 1; copy <= times; copy += 1) {
    await copyOthers(sql, `other${stage}-${copy}-`)
    if (copy % 3 === 0) progress(`${copy} of ${times} parts written`)
  }
  await sql`set session_replication_role = default`
  progress('indexes')
  await sql`set maintenance_work_mem = '1GB'`
  await sql`alter table colloquy.messages add primary key (user_id, conversation_id, position), add unique (user_id, id)`
  progress('vacuum')
  await sql`vacuum (analyze) colloquy.conversations, colloquy.turns, colloquy.messages`
  await sql`checkpoint`
}
