import type { Test } from 'tap'
import { tokenOf } from './app.js'
import { contractFaults, eventFaults } from './contract.js'
import { type Mutation, mutant } from './mutant.js'
import { startServer } from './server.js'
import { readStream, type StreamAnswer } from './stream.js'
import { SECRET } from './tokens.js'
import { within } from './wait.js'

/** Has echo take 25 ms for each word. */
export const slowEcho: Mutation = {
  files: /^src\/models\/echo\.ts$/,
  from: /signal\.throwIfAborted\(\)/g,
  to: 'await new Promise((go) => setTimeout(go, 25)); signal.throwIfAborted()',
}

/** A copy of the program whose echo takes 25 ms for each word. */
export const slowProgram = (t: Test): Promise<string> => mutant(t, [slowEcho])

/** The copy as a server process. */
export const slowServer = (t: Test, program: string, databaseUrl: string, env: Record<string, string> = {}) =>
  startServer(t, {
    cwd: program,
    env: { DATABASE_URL: databaseUrl, BETTER_AUTH_SECRET: SECRET, CHAT_LEASE_MS: '1000', ...env },
  })

/** A client of servers in other processes, whose answers are checked against the contract here. */
export const checkingClient = (t: Test, url: string) => {
  const request = async (method: string, path: string, headers: Record<string, string>, body?: object) => {
    const authorization = `Bearer ${tokenOf('alice')}`
    const type = body && { 'content-type': 'application/json' }
    const send = () =>
      fetch(`${url}${path}`, {
        method,
        headers: { authorization, ...type, ...headers },
        ...(body && { body: JSON.stringify(body) }),
      })
    // A connection that was kept may lead to a server that has just died.
    const answer = method === 'GET' ? send().catch(send) : send()
    return within(`the answer to ${method} ${path}`, answer)
  }
  const check = (method: string, target: string, { status, headers }: Response, body: string) => {
    const path = target.split('?')[0] ?? ''
    const faults = contractFaults({ method, path, status, headers: Object.fromEntries(headers), body })
    if (faults.length > 0) t.fail(`${method} ${path}: ${faults.join('; ')}`)
  }
  return {
    async call(method: string, path: string, body?: object) {
      const response = await request(method, path, {}, body)
      const text = await response.text()
      check(method, path, response, text)
      return { status: response.status, body: JSON.parse(text) }
    },
    async stream(
      method: string,
      path: string,
      { body, after }: { body?: object; after?: string } = {},
    ): Promise<StreamAnswer> {
      const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': after }) }
      const response = await request(method, path, headers, body)
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
      check(method, path, response, '')
      const answer = readStream(response)
      return {
        ...answer,
        async all() {
          const events = await answer.all()
          const frames = answer.frames.map(
            ({ id, event }) => `id: ${id}\ndata: ${event === '[DONE]' ? event : JSON.stringify(event)}`,
          )
          const faults = eventFaults(frames.join('\n\n'))
          if (faults.length > 0) t.fail(`${method} ${path}: ${faults.join('; ')}`)
          return events
        },
      }
    },
  }
}
