import { createContext } from 'preact'
import { useContext, useLayoutEffect, useReducer, useRef } from 'preact/hooks'
import type { Action } from './actions.js'
import { reduce } from './reduce.js'
import { initialState, type State } from './state.js'

/** The page's only state, which changes by actions alone. */
export const createStore = (drafts?: State['drafts']) => {
  let state = initialState(drafts)
  const listeners = new Set<() => void>()
  return {
    get state(): State {
      return state
    },
    dispatch(action: Action): void {
      const next = reduce(state, action)
      if (next === state) return
      state = next
      for (const listener of listeners) listener()
    },
    subscribe(listener: () => void): () => void {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

export type Store = ReturnType<typeof createStore>

export const StoreContext = createContext<Store | undefined>(undefined)

export const useStore = (): Store => {
  const store = useContext(StoreContext)
  if (!store) throw new Error('There is no store.')
  return store
}

/** A part of the state; the component is drawn again when it has changed. `select` gives the same object for the same state. */
export const useSelector = <T>(select: (state: State) => T): T => {
  const store = useStore()
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0)
  const selected = select(store.state)
  const latest = useRef({ select, selected })
  latest.current = { select, selected }
  useLayoutEffect(() => {
    const check = () => {
      const { select, selected } = latest.current
      if (select(store.state) !== selected) redraw()
    }
    // It may have changed since it was drawn.
    check()
    return store.subscribe(check)
  }, [store])
  return selected
}
