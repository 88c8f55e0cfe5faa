import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { exchange } from '../../src/conformance/client.js'
import { listen } from '../helpers/listen.js'

t.test('the silence before the end of a stream counts, too', async (t) => {
  const url = await listen(
    t,
    createServer(async (request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('id: 1-1\ndata: {}\n\n')
      await sleep(1_500)
      if (request.url === '/cut') response.destroy()
      else response.end()
    }),
  )
  const ask = async (path: string) => {
    const request = { method: 'GET', url: `${url}${path}`, headers: {} }
    return (await exchange(request, { timeoutMs: 20_000, maxBytes: 1_000 })).response
  }
  const whole = await ask('/')
  t.ok(whole?.isComplete, 'the stream has come to its end')
  t.ok((whole?.longestSilence ?? 0) > 1_000, `${whole?.longestSilence} ms of silence before it`)
  t.equal((await ask('/cut'))?.isComplete, false, 'a stream that is cut is not complete')
})
