/**
 * A server like `colloquy serve` with an echo model that waits for BENCH_THINK_MS first. It lives here because the product
 * has no idle model.
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
