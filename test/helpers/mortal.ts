import type { Test } from 'tap'
import { startEmbedded } from '../../src/embedded-postgres/start.js'
import { migratedFolder } from './cluster.js'
import { postmaster } from './embedded.js'
import { countingProxy } from './wire.js'

/** A PostgreSQL that can be killed and started again, behind an address that stays. */
export const mortal = async (t: Test) => {
  const dataDir = await migratedFolder(t)
  const start = () => startEmbedded({ dataDir, settings: { fsync: 'off' } })
  let cluster = await start()
  t.teardown(() => cluster.stop())
  const wire = await countingProxy(t, cluster.url)
  return {
    url: wire.url,
    kill: async () => {
      // An immediate shutdown: no backend may finish what it does.
      process.kill(await postmaster(dataDir), 'SIGQUIT')
      await cluster.exited
      await cluster.stop()
    },
    revive: async () => {
      cluster = await start()
      wire.redirect(cluster.url)
    },
  }
}
