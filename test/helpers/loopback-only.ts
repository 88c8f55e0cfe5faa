/** Preloaded by a server that listens everywhere, at a port of its own: it gets a free port of loopback, and prints it. */
import { type AddressInfo, Server } from 'node:net'

const { listen } = Server.prototype
Server.prototype.listen = function (this: Server, ...args: unknown[]) {
  const onListening = args.find((argument) => typeof argument === 'function')
  return listen.call(this, { port: 0, host: '127.0.0.1' }, () => {
    console.log(`listening on ${(this.address() as AddressInfo).port}`)
    ;(onListening as (() => void) | undefined)?.()
  })
} as typeof listen
