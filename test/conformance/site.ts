import type { Test } from 'tap'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { chatCompletions } from '../helpers/provider-wire.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { events, upstream } from '../helpers/upstream.js'
import type { Site } from './faults/planted.js'

const words = Array.from({ length: 200 }, (_, at) => `word ${at + 1}\n`)
const pause = (ms: number) => () => new Promise((resolve) => setTimeout(resolve, ms))

/** Answers at once, but for what is a long answer: that takes as long as one of a real model. */
const startModel = async (t: Test): Promise<string> => {
  const provider = await upstream(t)
  provider.answer((response, request) => {
    const { content } = request.body.messages.at(-1)
    const isLong = JSON.stringify(content).includes('numbers from 1 to 200')
    const said = words.flatMap((word) => [chatCompletions.text(word), pause(30)])
    const steps = isLong
      ? [
          chatCompletions.begin,
          ...said,
          chatCompletions.finish(),
          chatCompletions.usage,
          chatCompletions.done,
        ]
      : chatCompletions.answer('ye', 's')
    return events(...steps)(response, request)
  })
  return provider.url
}

/** A server of ours as it is deployed, a model that is as slow as a real one, and two users. */
export const startSite = async (t: Test): Promise<Site & { url: string }> => {
  const { url } = await testDatabase(t)
  const server = await startServer(t, {
    env: {
      DATABASE_URL: url,
      BETTER_AUTH_SECRET: SECRET,
      CHAT_MODEL: 'openai-compatible/m',
      OPENAI_COMPATIBLE_BASE_URL: `${await startModel(t)}/v1`,
      CHAT_BUSY_WAIT_MS: '200',
    },
  })
  const person = (id: string) => ({ id, token: tokenOf(id) })
  return { url: server.url, a: person('alice'), b: person('bob') }
}
