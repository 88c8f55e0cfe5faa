import type { Test } from 'tap'
import { type Model, unknownUsage } from '../../src/models/model.js'
import { type Answer, type Json, type TestAppOptions, testApp } from './app.js'

/** Answers `A(message)#n`, the nth time that it is asked; what begins with "fail" fails. Its summaries name the messages that they sum up. */
const countingModel = () => {
  const asked: string[] = []
  const model: Model = {
    name: 'counting',
    async *run({ system, history, summary, message }) {
      if (system?.includes('Sum up')) {
        const [, before] = /^Summary of what came before:\n(.*)/.exec(message) ?? []
        const said = [...message.matchAll(/^User:\n(.*)/gm)].map(([, text]) => text)
        yield { type: 'text-delta', delta: [...(before === undefined ? [] : [before]), ...said].join('+') }
        yield { type: 'finish', usage: unknownUsage }
        return
      }
      const turns = history.map(({ user, assistant }) => `${user}>${assistant}`)
      asked.push([...(summary === undefined ? [] : [`(${summary})`]), ...turns, message].join(' '))
      if (message.startsWith('fail')) throw new Error('as it was told')
      yield { type: 'text-delta', delta: `A(${message})#${asked.length}` }
      yield { type: 'finish', usage: unknownUsage }
    },
  }
  return { model, asked }
}

interface Send {
  conversation_id?: string | undefined
  message?: string
  parent_id?: string | null
  regenerate?: string
  model?: string
}

/** An app whose model tells what it was asked, and alice's conversations in it. */
export const branchingApp = async (t: Test, options: TestAppOptions = {}) => {
  const { model, asked } = countingModel()
  const app = await testApp(t, { model, ...options })
  const list = async (id: string, query = '?limit=100'): Promise<Json[]> => {
    const { body } = await app.call('GET', `/api/alice/conversations/${id}/messages${query}`)
    return body.data
  }
  return {
    ...app,
    /** what the model was asked, each with its history: `user>assistant … message` */
    asked,
    last: (): string => asked.at(-1) ?? '',
    send: (body: Send, key?: string): Promise<Answer> =>
      app.call('POST', '/api/alice/chat', {
        body,
        ...(key !== undefined && { headers: { 'idempotency-key': key } }),
      }),
    list,
    /** the contents of the active branch, or of what the query asks for */
    texts: async (id: string, query?: string): Promise<string[]> =>
      (await list(id, query)).map(({ content }) => content),
    patch: (id: string, body: object) => app.call('PATCH', `/api/alice/conversations/${id}`, { body }),
  }
}

export type BranchingApp = Awaited<ReturnType<typeof branchingApp>>
