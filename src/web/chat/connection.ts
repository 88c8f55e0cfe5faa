import { kindOf, toFailure } from '../store/failure.js'
import type { Context } from './context.js'

const FIRST_PROBE_MS = 1_000
const LAST_PROBE_MS = 8_000

const sleep = (ms: number, woken: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms)
    woken.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })

/** While the server cannot be reached, asks for it now and then; `onBack` is called when it answers again. */
export const watchConnection = ({ client, store }: Context, onBack: () => void): void => {
  let isProbing = false
  let wake = new AbortController()

  const probe = async (): Promise<void> => {
    isProbing = true
    for (let ms = FIRST_PROBE_MS; store.state.isOffline; ms = Math.min(ms * 2, LAST_PROBE_MS)) {
      wake = new AbortController()
      await sleep(ms, wake.signal)
      // With a token: it is the login that may be out of reach.
      const isBack = await client.listModels({}, { retries: 0 }).then(
        () => true,
        (error: unknown) => kindOf(toFailure(error)) !== 'offline',
      )
      if (isBack) store.dispatch({ type: 'came-online' })
    }
    isProbing = false
    onBack()
  }

  store.subscribe(() => {
    if (store.state.isOffline && !isProbing) void probe()
  })
  addEventListener('offline', () => store.dispatch({ type: 'went-offline' }))
  addEventListener('online', () => wake.abort())
}

const MAX_TIMER_MS = 3_600_000

/** Lets messages be sent again when the limit that was reached allows more. */
export const watchLimit = ({ store }: Context): void => {
  let watched: unknown
  store.subscribe(() => {
    const { limit } = store.state
    if (!limit || limit === watched) return
    watched = limit
    const check = (): void => {
      if (store.state.limit !== limit) return
      const left = (limit.retryAt ?? 0) - Date.now()
      if (left <= 0) store.dispatch({ type: 'limit-passed' })
      else setTimeout(check, Math.min(left, MAX_TIMER_MS))
    }
    check()
  })
}
