import type { Test } from 'tap'
import type { ToolCall } from '../../src/models/model.js'
import type { Json, TestAppOptions } from './app.js'
import { type LocalTools, localTools } from './local-tools.js'
import { type ProviderApp, providerApp } from './provider-app.js'
import { type WireCall, chatCompletions as wire } from './provider-wire.js'
import { events } from './upstream.js'

export const calling = (...calls: WireCall[]) => events(...wire.calls(...calls))
export const saying = (...words: string[]) => events(...wire.answer(...words))
export const add = (id: string, title = 'milk'): WireCall => [id, 'add', JSON.stringify({ title })]

/** `add` counts from 1, `list` reads. */
export const tasks = (): LocalTools => {
  let last = 0
  return localTools({
    add: {
      work: ({ title }) => {
        last += 1
        return { id: last, title }
      },
    },
    list: { readOnly: true, work: () => ({ count: last }) },
  })
}

/** The server with these tools, and a provider whose model is told what to call. */
export const appWith = (
  t: Test,
  tools: LocalTools,
  limits: TestAppOptions['limits'] = {},
): Promise<ProviderApp> => providerApp(t, 'openai-compatible/m', {}, { tools, limits })

export const plain = (calls: ToolCall[]) => calls.map(({ duration_ms: _, ...call }) => call)

/** What the provider was sent the nth time, past the system prompt. */
export const sent = (app: ProviderApp, n: number): Json => app.provider.requests.at(n)?.body.messages
