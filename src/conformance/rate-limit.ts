import { setTimeout as sleep } from 'node:timers/promises'
import type { Exchange } from './client.js'
import { parseJson } from './parse-json.js'

/** How long a limit may hold up one request. */
const maxRetryAfterMs = 60_000
const maxRetries = 3

/** Whether a limit is reached: the user's, or the budget for all users. */
const isLimited = ({ status, text }: { status: number; text: string }): boolean =>
  status === 429 ||
  (status === 503 &&
    (parseJson(text) as { code?: unknown } | null | undefined)?.code === 'service-budget-exceeded')

/** How long a limit asks to wait, in ms. Undefined for any other answer, and where that is too long or is not said. */
const retryAfterOf = ({ response }: Exchange): number | undefined => {
  const text = response?.headers['retry-after'] ?? ''
  if (!response || !isLimited(response) || !/^\d{1,9}$/.test(text)) return undefined
  const ms = Number(text) * 1000
  return ms <= maxRetryAfterMs ? ms : undefined
}

/** Sends again what a limit has put off: a server's limit is no fault of it. Rejects when the signal aborts meanwhile. */
export const withinLimits = async <T extends Exchange>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> => {
  for (let retries = 0; ; retries += 1) {
    const done = await attempt()
    const wait = retries === maxRetries ? undefined : retryAfterOf(done)
    if (wait === undefined) return done
    await sleep(wait, undefined, { signal })
  }
}
