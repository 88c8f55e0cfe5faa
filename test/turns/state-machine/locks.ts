import type { TransactionSql as Sql } from 'postgres'
import { type Held, owners } from './bursts.js'
import type { Engine } from './engine.js'
import type { Ledger } from './ledger.js'
import type { Attempt } from './model.js'
import { limits } from './requests.js'

/** What slow transactions of another instance hold. */

/** Renews the lease, as a tick does that has not ended; false when there is none. */
const renew = async (sql: Sql, { userId, turnId, attempt }: Attempt): Promise<boolean> => {
  await sql`select from colloquy.turns where id = ${turnId} for no key update`
  const entry = { user_id: userId, turn_id: turnId, runs: true, attempt, seq: 1, events: null }
  const rows = await sql`
    select state
    from colloquy.sync_attempts(p_entries => ${sql.json([entry])}::json, p_lease_ms => ${limits.leaseMs})`
  return rows.every(({ state }) => state !== 'lost')
}

/** Has the usage of a user, and adds nothing to it. */
const holdUsage = (userId: string) => (sql: Sql) =>
  sql`
  select colloquy.add_usage(
    p_user_id => ${userId}, p_at => colloquy.clock(), p_model => 'echo', p_turns => 0, p_input_tokens => 0,
    p_output_tokens => 0, p_cached_input_tokens => 0, p_reasoning_tokens => 0, p_total_tokens => 0, p_cost => 0)`

/** Takes the lock of a burst, about this conversation; gives what ends that. */
export const hold = async (
  engine: Engine,
  ledger: Ledger,
  held: Held,
  { conversationId, running }: { conversationId: string; running: Attempt | undefined },
): Promise<() => Promise<unknown>> => {
  const nothing = async () => {}
  switch (held) {
    case 'conversation':
      return engine.hold(
        (sql) => sql`select from colloquy.conversations where id = ${conversationId} for no key update`,
      )
    case 'usage': {
      const releases: (() => Promise<unknown>)[] = []
      for (const userId of new Set(owners)) releases.push(await engine.hold(holdUsage(userId)))
      return async () => {
        // Whoever waited for this one has it, and waits for the next, before anybody gets that.
        for (const release of releases) {
          await release()
          await engine.untilAllWait()
        }
      }
    }
    case 'total':
      return engine.hold((sql) => sql`select from colloquy.total_spending for no key update`)
    case 'turn':
      if (!running) return nothing
      return engine.hold(async (sql) => {
        if (await renew(sql, running)) ledger.renews(running)
      })
    default:
      return nothing
  }
}
