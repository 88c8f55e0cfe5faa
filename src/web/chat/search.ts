import { type Context, noteFailure } from './context.js'

/** How long somebody may pause in typing before their words are searched. */
const PAUSE_MS = 200
const PAGE_SIZE = 30

/** Searches as the user types; only the last words count. */
export const createSearch = (context: Context) => {
  const { client, store } = context
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking = new AbortController()

  const ask = async (query: string, cursor?: string): Promise<void> => {
    asking.abort()
    asking = new AbortController()
    const { signal } = asking
    try {
      const params = { q: query, limit: PAGE_SIZE, ...(cursor !== undefined && { cursor }) }
      const page = await client.searchMessages(params, { signal })
      store.dispatch({ type: 'search-received', query, page, isMore: cursor !== undefined })
    } catch (error) {
      if (signal.aborted) return
      store.dispatch({ type: 'search-failed', query, failure: noteFailure(context, error) })
    }
  }

  return {
    search(text: string): void {
      clearTimeout(timer)
      const query = text.trim()
      if (query === '') {
        asking.abort()
        store.dispatch({ type: 'search-ended' })
        return
      }
      store.dispatch({ type: 'search-requested', query })
      timer = setTimeout(() => void ask(query), PAUSE_MS)
    },
    more(): void {
      const { query, next } = store.state.search
      if (next !== null) void ask(query, next)
    },
  }
}
