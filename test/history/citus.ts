import { setTimeout as sleep } from 'node:timers/promises'
import type { Scope } from '../helpers/scope.js'
import { clusterUrl } from '../helpers/template.js'
import { countingProxy } from '../helpers/wire.js'
import { asSuperuser, type Killable } from './postgres.js'

/** Nobody listens there. */
const nowhere = 'postgres://127.0.0.1:1'

const terminateEverywhere = `
  select result from run_command_on_all_nodes($$
    select count(pg_terminate_backend(pid)) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and usename like 'colloquy%'$$)`

/**
 * A distributed database of somebody's Citus cluster. Its servers are not ours to kill; a kill ends all sessions of the program and
 * those between the nodes, at whatever point of their transactions, and an outage takes the way to it.
 */
export const citusPostgres = async (t: Scope, cluster: string, database: string): Promise<Killable> => {
  const wire = await countingProxy(t, cluster)
  const superuserUrl = clusterUrl(cluster, { database })
  return {
    url: () => cluster,
    wire,
    database,
    async killAndRestart(pauseMs = 0) {
      wire.redirect(nowhere)
      wire.cut()
      await asSuperuser(superuserUrl, terminateEverywhere)
      await sleep(pauseMs)
      wire.redirect(cluster)
    },
  }
}

/** Moves a group of shards to another node, while turns run: as the guide says, since Citus replicates into no table whose row-level security is forced. */
export const moveShard = async (superuserUrl: string, pick: (shards: number) => number): Promise<void> => {
  const shards = await asSuperuser(
    superuserUrl,
    `select s.shardid, s.nodename, s.nodeport from citus_shards s
     where s.table_name = 'colloquy.conversations'::regclass order by s.shardid`,
  )
  const nodes = await asSuperuser(
    superuserUrl,
    'select nodename, nodeport from pg_dist_node where shouldhaveshards and isactive order by nodeid',
  )
  const shard = shards[pick(shards.length)]
  const other = nodes.find(
    ({ nodename, nodeport }) => nodename !== shard?.nodename || nodeport !== shard?.nodeport,
  )
  if (!shard || !other) throw new Error('there is no other node to move a shard to')
  await asSuperuser(
    superuserUrl,
    `select citus_move_shard_placement(${shard.shardid}, '${shard.nodename}', ${shard.nodeport},
       '${other.nodename}', ${other.nodeport}, shard_transfer_mode => 'block_writes')`,
  )
}
