import { once } from 'node:events'
import { connect } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t from 'tap'
import { mount } from '../../src/plugin/mount.js'
import { until } from '../helpers/models.js'
import { within } from '../helpers/wait.js'

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`

/** In place of a chat: one path answers at once, the other says more than anybody reads. */
const talkative = {
  routes: new Map([
    ['/short', ['GET']],
    ['/long', ['GET']],
  ]),
  chat: {
    routing: ({ url }, response) => {
      if (url === '/short') response.end('short')
      else response.end(Buffer.alloc(64 * 1024 * 1024))
    },
  } as Pick<FastifyInstance, 'routing'> as FastifyInstance,
}

t.test('who sends two requests at once and reads nothing of the second answer is cut off', async (t) => {
  const app = Fastify({ exposeHeadRoutes: false })
  const answers = mount(app, talkative, { stalledMs: 400, corsOrigins: [], log: { info: () => {} } })
  t.teardown(() => {
    answers.end()
    return app.close()
  })
  const closed = new Set<number>()
  app.server.on('connection', (socket) => {
    const { remotePort = 0 } = socket
    socket.once('close', () => closed.add(remotePort))
  })
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }))
  const open = async (...paths: string[]) => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.write(paths.map(request).join(''))
    return socket.localPort ?? 0
  }

  const silent = await open('/short', '/long')
  await within(
    'the end of a connection that nobody reads',
    until(() => closed.has(silent)),
  )
  t.ok(closed.has(silent), 'after the first answer has left, the second is still watched')
})
