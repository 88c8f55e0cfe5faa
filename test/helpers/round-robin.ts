import { once } from 'node:events'
import net from 'node:net'
import type { Test } from 'tap'

export interface RoundRobin {
  url: string
  /** which of the servers each connection led to, in order */
  led: number[]
}

/**
 * Leads each TCP connection to the next of the servers, past those that are down or that `isReady` says no of, as a load
 * balancer does. More may join `urls` later.
 */
export const roundRobin = async (
  t: Test,
  urls: string[],
  isReady = (_url: string): boolean => true,
): Promise<RoundRobin> => {
  const led: number[] = []
  const clients = new Set<net.Socket>()
  let next = 0

  const connectToNext = async (): Promise<net.Socket | undefined> => {
    for (let tries = 0; tries < urls.length; tries += 1) {
      const index = next % urls.length
      next += 1
      const url = urls[index] ?? ''
      if (!isReady(url)) continue
      const upstream = net.connect({ port: Number(new URL(url).port), host: '127.0.0.1' })
      const isUp = await once(upstream, 'connect').catch(() => undefined)
      if (!isUp) continue
      led.push(index)
      return upstream
    }
    return undefined
  }

  const server = net.createServer(async (client) => {
    clients.add(client)
    client.on('error', () => {})
    client.once('close', () => clients.delete(client))
    const upstream = await connectToNext()
    if (!upstream) return client.destroy()
    upstream.on('error', () => client.destroy())
    upstream.once('close', () => client.destroySoon())
    client.once('close', () => upstream.destroy())
    client.pipe(upstream).pipe(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    for (const client of clients) client.destroy()
    server.close()
    await once(server, 'close')
  })
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`, led }
}
