import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import { type ColloquyOptions, colloquy } from '../../src/plugin/index.js'
import { tokenOf } from '../helpers/app.js'
import { testDatabase } from '../helpers/database.js'
import { SECRET } from '../helpers/tokens.js'
import type { SentRequest } from './wire.js'

export const authorization = `Bearer ${tokenOf('alice')}`
export const json = { authorization, 'content-type': 'application/json' }
export const stream = { ...json, accept: 'text/event-stream' }
export const post = (path: string, body?: unknown, headers: SentRequest['headers'] = json): SentRequest => ({
  method: 'POST',
  path,
  headers,
  body: typeof body === 'string' || Buffer.isBuffer(body) || body === undefined ? body : JSON.stringify(body),
})
export const get = (
  path: string,
  headers: SentRequest['headers'] = { authorization },
  method = 'GET',
): SentRequest => ({
  method,
  path,
  headers,
})
export const settings = async (t: Test): Promise<ColloquyOptions> => ({
  databaseUrl: (await testDatabase(t)).url,
  betterAuthSecret: SECRET,
  env: {},
})

export const listening = async (t: Test, app: FastifyInstance): Promise<string> => {
  t.teardown(() => app.close())
  return app.listen({ host: '127.0.0.1', port: 0 })
}

export interface AppWithChat {
  prefix?: string
  server?: FastifyServerOptions
  prepare?: (app: FastifyInstance) => void
}

/** An app with nothing but the chat, and what `prepare` adds before it. */
export const appWithChat = async (t: Test, { prefix = '', server = {}, prepare = () => {} }: AppWithChat) => {
  const app: FastifyInstance = Fastify({
    routerOptions: { maxParamLength: 128 },
    ...server,
  } as FastifyServerOptions)
  prepare(app)
  app.register(colloquy, { ...(await settings(t)), ...(prefix && { prefix }) })
  return { app, url: await listening(t, app) }
}
