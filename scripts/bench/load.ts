import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createHistogram } from 'node:perf_hooks'
import { endProcess } from './process.js'
import type { Call } from './user.js'

export interface LoadOptions {
  url: string
  connections: number
  /** Connection n cycles through the calls of `calls[n % calls.length]`. */
  calls: Call[][]
  /** the duration, or the total number of calls */
  until: { seconds: number } | { calls: number }
}

export interface Load {
  /** from the first call to the last answer */
  seconds: number
  /** the latency of each response in microseconds, in order of arrival */
  micros: number[]
  /** the load generator's CPU time */
  cpuSeconds: number
}

/** A worker's result. */
export type LoadAnswer = { load: Load } | { error: string }

const worker = new URL('load-worker.js', import.meta.url)

/** Generates load from a separate process. Rejects if any response is not a success, which would distort the figures. */
export const makeLoad = async (options: LoadOptions, signal: AbortSignal): Promise<Load> => {
  signal.throwIfAborted()
  const child = fork(worker, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  const boundMs = 60_000 + ('seconds' in options.until ? options.until.seconds * 1000 : 240_000)
  const bound = AbortSignal.any([signal, AbortSignal.timeout(boundMs)])
  const ended = once(child, 'exit', { signal: bound }).then(() => {
    throw new Error('the load generator has ended without an answer')
  })
  try {
    child.send(options)
    const [answer] = (await Promise.race([once(child, 'message', { signal: bound }), ended])) as [LoadAnswer]
    if ('error' in answer) throw new Error(answer.error)
    return answer.load
  } finally {
    ended.catch(() => {})
    await endProcess(child, 1_000)
  }
}

export interface Latency {
  p50: number
  p95: number
  p99: number
}

/** Percentiles in milliseconds. */
export const latencyOf = (micros: number[]): Latency => {
  const histogram = createHistogram()
  for (const value of micros) histogram.record(Math.max(1, Math.round(value)))
  const at = (percent: number) => histogram.percentile(percent) / 1000
  return { p50: at(50), p95: at(95), p99: at(99) }
}
