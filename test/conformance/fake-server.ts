import { createServer, type ServerResponse } from 'node:http'
import { createContext } from '../../src/conformance/context.js'
import { readContract } from '../../src/conformance/contract.js'
import { tokenOf } from '../helpers/app.js'
import { listen } from '../helpers/listen.js'
import type { Scope } from '../helpers/scope.js'

export type Reply = (seen: { method: string; url: URL }, response: ServerResponse) => unknown

/** What checks are given, with a server that answers as it is told, and what that server was asked. */
export const contextWith = async (t: Scope, reply: Reply) => {
  const asked: string[] = []
  const url = await listen(
    t,
    createServer((request, response) => {
      const { method = '', url = '' } = request
      request.resume()
      asked.push(`${method} ${url}`)
      reply({ method, url: new URL(url, 'http://h') }, response)
    }),
  )
  const person = (id: string) => ({ id, token: tokenOf(id) })
  const users = { a: person('alice'), b: person('bob') }
  const signal = AbortSignal.timeout(60_000)
  const settings = { contract: await readContract(), url, ...users, seed: 1, runs: 1, timeoutMs: 20_000 }
  return { context: createContext({ ...settings, signal }), asked }
}
