import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { longMessage } from '../../src/conformance/running-turn.js'
import { tokenOf } from '../helpers/app.js'
import { testFolder } from '../helpers/cluster.js'
import { testDatabase } from '../helpers/database.js'
import { chatCompletions } from '../helpers/provider-wire.js'
import { startServer } from '../helpers/server.js'
import { SECRET } from '../helpers/tokens.js'
import { events, upstream } from '../helpers/upstream.js'

/** The tokens of two users, as the command reads them. */
export const tokens = (a = 'alice', b = 'bob'): Record<string, string> => ({
  COLLOQUY_TOKEN_A: tokenOf(a),
  COLLOQUY_TOKEN_B: tokenOf(b),
})

const words = Array.from({ length: 200 }, (_, i) => `number ${i + 1}\n`)

const assistants = { assistants: [{ name: 'tutor', system_prompt: 'Teach {{user_id}}.' }, { name: 'plain' }] }

/** The variables of a model that answers at once, and takes four seconds for the message that asks for a long answer. */
export const slowModel = async (t: Test): Promise<Record<string, string>> => {
  const provider = await upstream(t)
  provider.answer(async (response, request) => {
    const isLong = request.body.messages.at(-1).content === longMessage
    if (!isLong) return events(...chatCompletions.answer('yes'))(response, request)
    const steps = words.flatMap((word) => [
      chatCompletions.text(word),
      () => (response.destroyed ? Promise.reject(new Error('gone')) : sleep(20)),
    ])
    const end = [chatCompletions.finish(), chatCompletions.usage, chatCompletions.done]
    await Promise.resolve(events(chatCompletions.begin, ...steps, ...end)(response, request)).catch(() => {})
  })
  const file = join(await testFolder(t), 'assistants.json')
  await writeFile(file, JSON.stringify(assistants))
  return {
    BETTER_AUTH_SECRET: SECRET,
    CHAT_ASSISTANTS: file,
    CHAT_MODEL: 'openai-compatible/m',
    CHAT_BUSY_WAIT_MS: '500',
    OPENAI_COMPATIBLE_BASE_URL: `${provider.url}/v1`,
  }
}

/** A server process of ours with that model. */
export const servedWithSlowModel = async (t: Test, env: Record<string, string> = {}): Promise<string> => {
  const { url } = await testDatabase(t)
  const server = await startServer(t, { env: { DATABASE_URL: url, ...(await slowModel(t)), ...env } })
  return server.url
}
