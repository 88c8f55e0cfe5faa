import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen } from '../helpers/listen.js'
import type { Scope } from '../helpers/scope.js'

/** A server that answers everything alike, in a media type that no report may take for markup. */
export const parrot = (t: Scope, delayMs = 0): Promise<string> =>
  listen(
    t,
    createServer(async (request, response) => {
      request.resume()
      await sleep(delayMs)
      response
        .writeHead(200, { 'content-type': 'text/<b>&"]]>\'', 'x-request-id': 'always the same' })
        .end('{}')
    }),
  )
