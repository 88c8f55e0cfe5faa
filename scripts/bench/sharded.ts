import postgres from 'postgres'
import { connect } from '../../src/db/connect.js'
import type { Database } from '../../src/db/database.js'
import { migrate } from '../../src/db/migrate.js'
import type { BeginTurn } from '../../src/turns/store/begin-turns.js'
import { encodeEvents } from '../../src/turns/store/event-encoding.js'
import { createTurnStore, type TurnStore } from '../../src/turns/store/turn-store.js'
import { clusterUrl } from '../../test/helpers/template.js'
import { createCitusDatabase, owner } from '../citus-database.js'
import { groupBy } from './group-by.js'
import { latencyOf } from './load.js'
import type { Bench, Cell, Part } from './part.js'
import type { Owned } from './seed.js'
import { endOf, newTurn } from './turn.js'

const users = 50
const connections = 10
const ticks = 10
/** More than can be spent. */
const totalBudget = { perDay: 1e12, perMonth: null }

/** Through one or several databases of an instance: who uses them sends each user's turns through the one of that user. */
interface Way {
  name: string
  storeOf(userId: string): TurnStore
  /** whose ticks are sent together */
  groupOf(userId: string): string
  budget?: typeof totalBudget
}

/** As before batches were sent by node: Citus runs them on the coordinator. */
const undelegate = async (url: string): Promise<void> => {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  for (const name of [
    'begin_turns(json, boolean, text)',
    'end_turns(json, boolean, text)',
    'sync_attempts(json, integer, text)',
  ])
    await sql`select create_distributed_function(${`colloquy.${name}`}::text::regprocedure)`
  await sql.end()
}

const turn = async (store: TurnStore, { user_id, id }: Owned, { budget }: Way): Promise<BeginTurn> => {
  const turn = newTurn(id === '' ? 'new' : 'continued', { user_id, id })
  const { outcome } = await store.beginTurn({
    ...turn,
    ...(budget && { reserved: 1_000, totalBudget: budget }),
  })
  if (outcome !== 'begun') throw new Error(`a turn was ${outcome}`)
  return turn
}

/** Turns per second, of all users at the same time, each in the conversation of their own. */
const turnsPerSecond = async ({ seconds, signal }: Bench, way: Way, owned: Owned[]): Promise<number> => {
  const start = performance.now()
  const end = start + seconds * 1000
  let turns = 0
  const work = async (owner: Owned) => {
    const store = way.storeOf(owner.user_id)
    for (; performance.now() < end && !signal.aborted; turns += 1)
      await store.endTurn(endOf(await turn(store, owner, way)))
  }
  await Promise.all(owned.map(work))
  return turns / ((performance.now() - start) / 1000)
}

/** The time that a tick of one running turn of each user takes, with an event for each. */
const tickMs = async (way: Way, owned: Owned[]): Promise<number> => {
  const turns = await Promise.all(owned.map((owner) => turn(way.storeOf(owner.user_id), owner, way)))
  const micros: number[] = []
  for (let seq = 0; seq < ticks; seq += 1) {
    const groups = groupBy(turns, ({ userId }) => way.groupOf(userId))
    const start = performance.now()
    const syncs = groups.map((group) => {
      const entries = group.map(({ userId, turnId }) => ({
        ...{ user_id: userId, turn_id: turnId, runs: true, attempt: 1, seq },
        events: encodeEvents([{ type: 'text-delta', delta: 'word ' }]),
      }))
      return way.storeOf(group[0]?.userId ?? '').syncAttempts(entries, 15_000)
    })
    await Promise.all(syncs)
    micros.push((performance.now() - start) * 1000)
  }
  await Promise.all(
    turns.map((turn) => way.storeOf(turn.userId).endTurn({ ...endOf(turn), hasEvents: true })),
  )
  return latencyOf(micros).p50
}

/** The ways to measure, and what ends them. */
const openWays = async (cluster: string) => {
  const ends: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const end of ends.reverse()) await end().catch(() => {})
  }
  const open = (url: string, max = connections, nodeOf?: () => string): Database => {
    const db = connect({ url, max, prepare: 'auto', statementTimeoutMs: 30_000 })
    ends.push(() => db.close())
    return { ...db, ...(nodeOf && { nodeOf }) }
  }
  const one = (name: string, db: Database): Way => {
    const store = createTurnStore(db)
    return { name, storeOf: () => store, groupOf: db.nodeOf }
  }
  const urlOf = (database: string) => clusterUrl(cluster, { user: owner, database })
  const distributed = async () => {
    const { database, drop } = await createCitusDatabase(cluster)
    ends.push(drop)
    return urlOf(database)
  }
  try {
    const url = await distributed()
    const before = await distributed()
    await undelegate(before)
    const admin = postgres(cluster, { max: 1, onnotice: () => {} })
    ends.push(() => admin.end({ timeout: 1 }))
    const plain = `colloquy_bench_${Date.now()}`
    await admin.unsafe(`create database ${plain} owner ${owner}`)
    ends.push(() => admin.unsafe(`drop database if exists ${plain} with (force)`))
    await migrate(urlOf(plain))
    const nodes = await admin<{ id: string; host: string; port: number }[]>`
      select groupid::text as id, nodename as host, nodeport as port from pg_dist_node
      where shouldhaveshards and isactive and noderole = 'primary'`
    const coordinator = open(url)
    const stores = new Map(
      nodes.map(({ id, host, port }) => {
        const at = new URL(url)
        at.hostname = host
        at.port = String(port)
        return [id, createTurnStore(open(at.href, Math.ceil(connections / nodes.length)))] as const
      }),
    )
    const first = [...stores.values()][0] as TurnStore
    const byNode = one('Citus, by node', coordinator)
    const ways: Way[] = [
      one('plain PostgreSQL', open(urlOf(plain))),
      one(
        'Citus, on the coordinator',
        open(before, connections, () => ''),
      ),
      byNode,
      {
        name: 'Citus, instances at the workers',
        storeOf: (userId) => stores.get(coordinator.nodeOf(userId)) ?? first,
        groupOf: coordinator.nodeOf,
      },
      { ...one('plain PostgreSQL, a budget for all', open(urlOf(plain))), budget: totalBudget },
      { ...byNode, name: 'Citus, by node, a budget for all', budget: totalBudget },
    ]
    return { ways, nodes: nodes.length, version: await versionOf(admin), coordinator, close }
  } catch (error) {
    await close()
    throw error
  }
}

const versionOf = async (sql: postgres.Sql): Promise<string> => {
  const [row] = await sql<[{ text: string }]>`
    select 'PostgreSQL ' || current_setting('server_version') || ', ' || split_part(citus_version(), ' on ', 1) as text`
  return row.text
}

const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length

/** Compares plain PostgreSQL with a Citus cluster whose coordinator's URL is given, on the cluster's own servers. */
const run = async (bench: Bench) => {
  const { clusterUrl: cluster, rounds, progress } = bench
  if (!cluster)
    throw new Error("--url is missing: a superuser's, of a database of the coordinator of a Citus cluster")
  const { ways, nodes, version, coordinator, close } = await openWays(cluster)
  try {
    const figures = ways.map(() => ({ new: [] as number[], continued: [] as number[], tick: [] as number[] }))
    const names = Array.from({ length: users }, (_, n) => `user-${n}`)
    const fresh = names.map((user_id) => ({ user_id, id: '' }))
    // The program learns the nodes with the first use, and need not wait for it.
    for (let n = 0; n < 100 && coordinator.nodeOf('user-0') === ''; n += 1) {
      await coordinator.statement((sql) => sql`select`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    for (let round = 1; round <= rounds; round += 1) {
      for (const [i, way] of ways.entries()) {
        const perSecond = await turnsPerSecond(bench, way, fresh)
        const begun = await Promise.all(
          fresh.map(async (owner) => {
            const store = way.storeOf(owner.user_id)
            const begun = await turn(store, owner, way)
            await store.endTurn(endOf(begun))
            return { user_id: owner.user_id, id: begun.conversationId }
          }),
        )
        const continued = await turnsPerSecond(bench, way, begun)
        const tick = await tickMs(way, begun)
        figures[i]?.new.push(perSecond)
        figures[i]?.continued.push(continued)
        figures[i]?.tick.push(tick)
        progress(
          `round ${round}: ${way.name}: ${perSecond.toFixed(0)} and ${continued.toFixed(0)} turns/s, a tick ${tick.toFixed(1)} ms`,
        )
      }
    }
    const plain = mean(figures[0]?.new ?? [])
    const rows: Cell[][] = ways.map(({ name }, i) => {
      const { new: fresh = [], continued = [], tick = [] } = figures[i] ?? {}
      return [name, mean(fresh), (mean(fresh) / plain).toFixed(2), mean(continued), mean(tick)]
    })
    return {
      tables: [
        {
          title: `Turns on ${version}, ${nodes} workers, ${users} users at once`,
          columns: [
            'how',
            'turns/s, new',
            'of plain',
            'turns/s, continued',
            `tick of ${users} turns, p50 ms`,
          ],
          rows,
          notes: [
            'All on the same servers, by turns. An instance without HTTP, with ten connections in all. On the coordinator: as it was before batches were sent by node.',
          ],
        },
      ],
    }
  } finally {
    await close()
  }
}

export const sharded: Part = { name: 'sharded', run }
