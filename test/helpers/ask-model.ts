import type { Test } from 'tap'
import { isJsonObject, type JsonObject } from '../../src/json-object.js'
import type { ModelUsage } from '../../src/models/model.js'
import { ModelError } from '../../src/models/model-error.js'
import { openModel } from '../../src/models/open-model.js'
import type { ProviderName } from '../../src/models/providers.js'
import { credentialsFor, modelSettings } from './provider-app.js'
import type { Scope } from './scope.js'
import { events, type Reply, upstream } from './upstream.js'

/** What a model of a provider made of a response. */
export interface Heard {
  text: string
  reasoning: string
  calls: [name: string, args: unknown][]
  finish?: string
  usage?: ModelUsage
  error?: ModelError
  /** how often the provider was asked */
  asked: number
}

const tools = [{ name: 'add', description: '', inputSchema: { type: 'object', properties: {} } }]

/** A model without a server around it: asks a local provider that replies so, and tells what came. */
export const askModel = async (t: Scope, provider: ProviderName) => {
  const server = await upstream(t)
  const credentials = credentialsFor(provider, server.url)
  const model = await openModel(`${provider}/m`, { ...modelSettings, reasoning: true, credentials })
  return async (reply: Reply): Promise<Heard> => {
    const before = server.requests.length
    server.answer(reply)
    const heard: Heard = { text: '', reasoning: '', calls: [], asked: 0 }
    const request = {
      system: undefined,
      history: [],
      message: 'hi',
      tools,
      signal: new AbortController().signal,
    }
    try {
      for await (const event of model.run(request)) {
        if (event.type === 'text-delta') heard.text += event.delta
        else if (event.type === 'reasoning-delta') heard.reasoning += event.delta
        else if (event.type === 'tool-call') heard.calls.push([event.name, event.arguments])
        else if (event.type === 'finish') {
          heard.usage = event.usage
          if (event.reason) heard.finish = event.reason
        }
      }
    } catch (error) {
      if (!(error instanceof ModelError)) throw error
      heard.error = error
    }
    return { ...heard, asked: server.requests.length - before }
  }
}

/** What a server sends that is no error, and not as the provider whose protocol it speaks sends it. */
export type Row = [what: string, steps: string[], heard: Partial<Heard>]

/** What is heard, as far as it is wanted. */
const pick = (from: JsonObject, wanted: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(wanted).map(([name, value]) => {
      const found = from[name]
      return [name, isJsonObject(value) && isJsonObject(found) ? pick(found, value) : found]
    }),
  )

/** Checks that a provider's model hears each row as it is wanted. */
export const hearAll = (t: Test, provider: ProviderName, rows: readonly Row[]) =>
  t.test(`${provider}: what other servers write is read all the same`, async (t) => {
    const ask = await askModel(t, provider)
    for (const [what, steps, wanted] of rows) {
      const heard = await ask(events(...steps))
      t.same(pick({ ...heard }, wanted), wanted, `${what}${heard.error ? ` (${heard.error.message})` : ''}`)
    }
  })

export const hello: Partial<Heard> = { text: 'Hello', finish: 'stop', asked: 1 }
export const called = (...calls: [name: string, args: unknown][]): Partial<Heard> => ({ calls, asked: 1 })
export const usage = (input_tokens: number | null, output_tokens: number | null, more: object = {}) => ({
  usage: { input_tokens, output_tokens, ...more } as Heard['usage'],
})
