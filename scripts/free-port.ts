import { once } from 'node:events'
import { createServer } from 'node:net'

/** A port of the loopback address that was free just now, for a program that cannot be asked which one it has got. */
export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as { port: number }
  await once(probe.close(), 'close')
  return port
}
