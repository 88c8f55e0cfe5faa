import { Window } from 'happy-dom'
import { createElement, StrictMode } from 'react'

const window = new Window({ url: 'http://localhost/' })
Object.assign(globalThis, { window, document: window.document, navigator: window.navigator })

// They look for a document when they are loaded; fetch, streams and timers stay Node's.
const { createRoot } = await import('react-dom/client')
export const { useChat } = await import('@ai-sdk/react')

export interface Rendered<T> {
  /** what the hook returned last */
  current: T
  unmount(): void
}

/** A component that has nothing but a hook, in a real root; resolves when it has rendered. */
export const renderHook = async <T>(hook: () => T, { strict = false } = {}): Promise<Rendered<T>> => {
  const root = createRoot(window.document.createElement('div') as never)
  return new Promise((resolve) => {
    const rendered = { unmount: () => root.unmount() } as Rendered<T>
    const Probe = () => {
      rendered.current = hook()
      resolve(rendered)
      return null
    }
    const probe = createElement(Probe)
    root.render(strict ? createElement(StrictMode, null, probe) : probe)
  })
}
