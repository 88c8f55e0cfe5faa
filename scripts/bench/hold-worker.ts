/** Holds connections open in a process of its own: receives HoldOptions as its first message, and answers with HoldAnswers. */
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { HoldAnswer, HoldOptions } from './hold.js'

/** As many at once as a listening socket keeps waiting. */
const wave = 250

const tell = (answer: HoldAnswer): void => {
  process.send?.(answer)
}

process.once('message', async ({ url, calls }: HoldOptions) => {
  const { hostname, port } = new URL(url)
  let begun = 0
  let ended = 0
  let failed = 0

  const hold = ({ method, path, headers, body = '' }: HoldOptions['calls'][number]) =>
    new Promise<void>((resolve) => {
      const socket = createConnection({ host: hostname, port: Number(port) })
      let head = ''
      let hasBegun = false
      const begin = () => {
        if (hasBegun) return
        hasBegun = true
        begun += 1
        resolve()
      }
      const lines = Object.entries({ ...headers, host: hostname, 'content-length': Buffer.byteLength(body) })
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${lines.map((line) => line.join(': ')).join('\r\n')}\r\n\r\n${body}`,
      )
      socket.on('data', (bytes: Buffer) => {
        if (hasBegun) return
        head += bytes.toString('latin1')
        if (!/^HTTP\/1\.1 200 /.test(head)) {
          failed += 1
          socket.destroy()
        }
        // A stream has begun with its first event.
        if (head.includes('\r\n\r\n') && /\ndata:|"response"/.test(head)) begin()
      })
      socket.on('error', () => {
        failed += 1
      })
      socket.on('close', () => {
        ended += 1
        resolve()
      })
    })

  process.on('message', (message) => {
    if (message === 'count') tell({ begun, ended, failed })
    else process.exit(0)
  })
  for (let at = 0; at < calls.length; at += wave) {
    await Promise.race([Promise.all(calls.slice(at, at + wave).map(hold)), sleep(20_000)])
  }
  tell({ begun, ended, failed, isHeld: true })
})
