import { readdir, readFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { withAbortableBody, withTimeout } from '../src/concurrency/with-timeout.js'
import { packageRoot } from '../src/root.js'
import { collectGarbage } from './helpers/garbage.js'
import { listen } from './helpers/listen.js'
import { until } from './helpers/models.js'

/** A real server that answers in this way; `left` resolves when no client holds a connection to it. */
const serve = async (t: Test, listener: RequestListener) => {
  const sockets = new Set<Socket>()
  const server = createServer(listener)
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const left = () => until(() => sockets.size === 0)
  return { url: `${await listen(t, server)}/`, left }
}

/** Reads a body as the program does. It is `redirect: 'error'` with which Node 20 loses the signal. */
const read = async (url: string, signal: AbortSignal): Promise<number> => {
  const response = await withAbortableBody(fetch)(url, { redirect: 'error', signal })
  let bytes = 0
  for await (const chunk of response.body ?? []) bytes += chunk.byteLength
  return bytes
}

const late = { name: 'TimeoutError' }

t.test('a time limit ends what stalls, whatever was collected meanwhile', async (t) => {
  const stalls: Record<string, RequestListener> = {
    'no headers': () => {},
    'headers alone': (_, response) => response.flushHeaders(),
    'half a body': (_, response) => response.write('half'),
  }
  const checks = Object.entries(stalls).map(async ([name, listener]) => {
    const { url, left } = await serve(t, listener)
    const reading = withTimeout(undefined, 3_000, (limit) => read(url, limit))
    reading.catch(() => {})
    await collectGarbage()
    await t.rejects(reading, late, name)
    await t.resolves(left(), `${name}: and its connection is let go of`)
  })
  await Promise.all(checks)
})

t.test('so does the signal of the caller, with its reason', async (t) => {
  const { url, left } = await serve(t, (_, response) => response.write('half'))
  const caller = new AbortController()
  const reading = withTimeout(caller.signal, 60_000, (limit) => read(url, limit))
  reading.catch(() => {})
  await collectGarbage()
  const reason = new Error('the caller has gone')
  caller.abort(reason)
  await t.rejects(reading, reason)
  await t.resolves(left(), 'and its connection is let go of')
  await t.rejects(
    withTimeout(caller.signal, 60_000, async (limit) => limit.throwIfAborted()),
    reason,
    'an aborted signal aborts at once',
  )
})

t.test('work that does not heed its signal is left behind', async (t) => {
  await t.rejects(
    withTimeout(undefined, 20, () => new Promise(() => {})),
    late,
  )
  const heeding = (limit: AbortSignal) =>
    new Promise((_, reject) => limit.addEventListener('abort', () => reject(new Error('its own words'))))
  await t.rejects(
    withTimeout(undefined, 20, heeding),
    { message: 'its own words' },
    'its own error comes first',
  )
})

t.test('what ends in time leaves no timer and no listener', async (t) => {
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
  const before = timers()
  const { signal } = new AbortController()
  let listeners = 0
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = (...args: unknown[]) => {
    listeners += 1
    addEventListener.apply(signal, args as never)
  }
  signal.removeEventListener = (...args: unknown[]) => {
    listeners -= 1
    removeEventListener.apply(signal, args as never)
  }
  t.equal(await withTimeout(signal, 60_000, async () => 'done'), 'done')
  await t.rejects(
    withTimeout(signal, 60_000, async () => Promise.reject(new Error('failed'))),
    { message: 'failed' },
  )
  t.equal(timers(), before, 'timers')
  t.equal(listeners, 0, 'listeners')
})

t.test('an answer passes through with its status, its headers and its whole body', async (t) => {
  const body = 'x'.repeat(300_000)
  const { url } = await serve(t, (_, response) => response.writeHead(418, { 'x-more': 'yes' }).end(body))
  const { signal } = new AbortController()
  const response = await withAbortableBody(fetch)(url, { signal })
  t.match({ status: response.status, more: response.headers.get('x-more') }, { status: 418, more: 'yes' })
  t.equal(await response.text(), body)
  const empty = await serve(t, (_, response) => response.writeHead(204).end())
  t.equal((await withAbortableBody(fetch)(empty.url, { signal })).status, 204)
})

t.test('nothing in the program limits a time in another way', async (t) => {
  const source = new URL('src/', packageRoot)
  const files = (await readdir(source, { recursive: true })).filter((name) => name.endsWith('.ts'))
  t.ok(files.length > 50, 'the source is there')
  for (const file of files) {
    t.notMatch(await readFile(new URL(file, source), 'utf8'), /AbortSignal\.(any|timeout)\(/, file)
  }
})
