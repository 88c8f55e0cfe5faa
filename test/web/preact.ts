import { Window } from 'happy-dom'
import { type ComponentChild, render } from 'preact'
import type { Test } from 'tap'

const window = new Window({ url: 'http://localhost/' })

/** What the page's components ask the browser for when they are rendered. */
const globals = {
  document: window.document,
  navigator: window.navigator,
  ResizeObserver: window.ResizeObserver,
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 20))

export interface Rendered {
  container: HTMLElement
  html(): string
  one(selector: string): HTMLElement
  all(selector: string): HTMLElement[]
  /** Renders something else into the same place. */
  update(node: ComponentChild): void
  click(selector: string): Promise<void>
}

/** Renders a component of the chat page without a browser; a test that asks for layout needs a real one (browser.ts). */
export const renderNode = (t: Test, node: ComponentChild): Rendered => {
  const before = Object.keys(globals).map(
    (name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const,
  )
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  }
  const container = window.document.createElement('div') as unknown as HTMLElement
  window.document.body.append(container as never)
  t.teardown(() => {
    render(null, container)
    container.remove()
    for (const [name, descriptor] of before) {
      if (descriptor) Object.defineProperty(globalThis, name, descriptor)
      else Reflect.deleteProperty(globalThis, name)
    }
  })
  const all = (selector: string) => [...container.querySelectorAll<HTMLElement>(selector)]
  const one = (selector: string): HTMLElement => {
    const [found] = all(selector)
    if (!found) throw new Error(`There is no ${selector} in ${container.innerHTML}`)
    return found
  }
  render(node, container)
  return {
    container,
    html: () => container.innerHTML,
    one,
    all,
    update: (next) => render(next, container),
    async click(selector) {
      one(selector).dispatchEvent(
        new window.MouseEvent('click', { bubbles: true, cancelable: true }) as never,
      )
      await settled()
    },
  }
}
