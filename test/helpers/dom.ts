import { Window } from 'happy-dom'
import { type ComponentType, createElement, StrictMode } from 'react'

const window = new Window({ url: 'http://localhost/' })
for (const [name, value] of Object.entries({
  window,
  document: window.document,
  navigator: window.navigator,
})) {
  // Node 21 and later have a navigator, which cannot be assigned.
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
}

// They look for a document when they are loaded; fetch, streams and timers stay Node's.
const { createRoot } = await import('react-dom/client')
export const { Chat, useChat } = await import('@ai-sdk/react')

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

export type Element = NonNullable<ReturnType<typeof window.document.querySelector>>

/** A component in a page of its own, and what a person does there. */
export const mount = async <P extends object>(component: ComponentType<P>, props: P) => {
  const container = window.document.createElement('div')
  window.document.body.append(container)
  const root = createRoot(container as never)
  root.render(createElement(component, props))
  const all = (selector: string): Element[] => [...container.querySelectorAll(selector)]
  const one = (selector: string): Element => {
    const [found] = all(selector)
    if (!found) throw new Error(`The page has no ${selector}: ${container.innerHTML}`)
    return found
  }
  const event = (type: string) => new window.Event(type, { bubbles: true, cancelable: true })
  const settled = () => new Promise((resolve) => setTimeout(resolve, 20))
  await settled()
  return {
    all,
    async click(selector: string) {
      one(selector).dispatchEvent(
        new window.MouseEvent('click', { bubbles: true, cancelable: true }) as never,
      )
      await settled()
    },
    async type(selector: string, text: string) {
      const input = one(selector)
      // React looks at what the prototype's setter was given.
      Object.getOwnPropertyDescriptor(window.HTMLInputElement.prototype, 'value')?.set?.call(input, text)
      input.dispatchEvent(event('input'))
      await settled()
    },
    async submit(selector: string) {
      one(selector).dispatchEvent(event('submit'))
      await settled()
    },
    unmount() {
      root.unmount()
      container.remove()
    },
  }
}
