import net from 'node:net'
import type { Scope } from './scope.js'

export interface Wire {
  /** the database's URL through this wire */
  url: string
  /** how many times data went to the server after data had come from it, on all connections */
  roundTrips(): number
  /** bytes that went to the server */
  bytes(): number
  /** starts counting anew */
  reset(): void
  /** changes what goes to the server from now on; what it returns is sent, in its time */
  tamper(change: ((data: Buffer) => Buffer | Promise<Buffer>) | undefined): void
  /** whether to swallow all that the server says from now on, on old and new connections: a black hole */
  silence(isSilent: boolean): void
  /** leads new connections to another server */
  redirect(url: string): void
  /** resets every connection of the client */
  cut(): void
}

/** A proxy in front of the database of `url` (without TLS) that counts what a program pays for on a slow network. */
export const countingProxy = async (t: Scope, url: string): Promise<Wire> => {
  let { hostname, port } = new URL(url)
  const clients = new Set<net.Socket>()
  let roundTrips = 0
  let bytes = 0
  let isSilent = false
  let change: ((data: Buffer) => Buffer | Promise<Buffer>) | undefined

  const server = net.createServer({ noDelay: true }, (client) => {
    const upstream = net.connect({ host: hostname, port: Number(port), noDelay: true })
    let isServersTurn = false
    let forwarded = Promise.resolve()
    clients.add(client)
    client.on('data', (data) => {
      if (!isServersTurn) roundTrips += 1
      isServersTurn = true
      bytes += data.length
      if (!change) return upstream.write(data)
      // In order, whatever time a change takes.
      const changed = change(data)
      forwarded = forwarded.then(async () => {
        upstream.write(await changed)
      })
    })
    upstream.on('data', (data) => {
      isServersTurn = false
      if (!isSilent) client.write(data)
    })
    client.on('close', () => {
      clients.delete(client)
      upstream.destroy()
    })
    upstream.on('close', () => client.end())
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    for (const client of clients) client.resetAndDestroy()
  }
  t.teardown(() => {
    cut()
    return new Promise((resolve) => server.close(resolve))
  })

  const address = new URL(url)
  address.hostname = '127.0.0.1'
  address.port = String((server.address() as net.AddressInfo).port)
  return {
    url: address.href,
    roundTrips: () => roundTrips,
    bytes: () => bytes,
    reset: () => {
      roundTrips = 0
      bytes = 0
    },
    tamper: (next) => {
      change = next
    },
    silence: (next) => {
      isSilent = next
    },
    redirect: (next) => {
      ;({ hostname, port } = new URL(next))
    },
    cut,
  }
}
