import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fastify from 'fastify'
import type { Test } from 'tap'
import {
  type AuthenticationOptions,
  authorize,
  registerAuthentication,
} from '../../src/http/authentication.js'
import { Problem } from '../../src/problems.js'
import { packageRoot } from '../../src/root.js'

const contract = JSON.parse(readFileSync(new URL('generated/openapi.json', packageRoot), 'utf8'))
const isUserId = new Ajv2020().compile<string>(contract.components.schemas.UserId)

export interface Answer {
  status: number
  challenge: string | undefined
  /** the problem's code, or `ok` */
  code: string
  caller?: { id: string }
}

/** An app with one guarded route and everything that it logs. */
export const guardedApp = (t: Pick<Test, 'teardown'>, options: Omit<AuthenticationOptions, 'isUserId'>) => {
  const log: string[] = []
  const app = fastify({
    routerOptions: { maxParamLength: 1024 },
    logger: { level: 'trace', stream: { write: (line) => void log.push(line) } },
  })
  t.teardown(() => app.close())
  app.setErrorHandler((error, request, reply) => {
    const problem = error instanceof Problem ? error : new Problem('internal-error', {}, error)
    return reply.code(problem.status).headers(problem.headers).send(problem.body(request.id))
  })
  const authenticate = registerAuthentication(app, { ...options, isUserId: (value) => isUserId(value) })
  app.addHook('onResponse', async ({ log, refusal }) => log.info({ refusal }, 'request'))
  app.get('/api/:user_id/x', { onRequest: [authenticate, authorize] }, ({ caller }) => ({
    code: 'ok',
    // Each token has its own time.
    caller: { ...caller, expiresAt: undefined },
  }))

  /** Asks for a user's path with these credentials; `body` is the answer's without what differs by request. */
  const get = async (authorization: string | undefined, userId = 'alice'): Promise<Answer> => {
    const headers = authorization === undefined ? {} : { authorization }
    const response = await app.inject({ url: `/api/${encodeURIComponent(userId)}/x`, headers })
    const challenge = response.headers['www-authenticate']?.toString()
    const { request_id: _, ...body } = response.json()
    return { status: response.statusCode, challenge, ...body }
  }
  return { get, log }
}
