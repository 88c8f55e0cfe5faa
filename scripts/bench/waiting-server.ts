/**
 * A server like `colloquy serve` whose model thinks for a while before it echoes: BENCH_THINK_MS of it. It exists
 * here, because the product has no model that does nothing.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { echo } from '../../src/models/echo.js'
import { serveModel } from './serve-model.js'

const thinkMs = Number(process.env.BENCH_THINK_MS)

await serveModel({
  name: 'slow',
  async *run(request) {
    await sleep(thinkMs, undefined, { signal: request.signal })
    yield* echo().run(request)
  },
})
