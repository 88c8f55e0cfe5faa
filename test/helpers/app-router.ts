import { createElement, type MouseEvent, startTransition, useSyncExternalStore } from 'react'

/**
 * What the App Router of Next.js 16 does with addresses, as its source has it (client/components/app-router.js): a history.replaceState
 * of one's own gives usePathname the new address, and keeps the tree that is shown (`restore` with the entry's own tree); a link to an
 * address with the same tree keeps the page that is mounted, with its state.
 */
let pathname = '/'
const listeners = new Set<() => void>()

const show = (url: string): void => {
  pathname = new URL(url, 'http://localhost').pathname
  startTransition(() => {
    for (const listener of listeners) listener()
  })
}

export const router = { push: show, pathname: (): string => pathname }

/** The page's `history`, patched as Next.js patches it. */
export const history = { replaceState: (_data: unknown, _unused: string, url: string): void => show(url) }

export const usePathname = (): string =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => pathname,
  )

const Link = ({ href, children }: { href: string; children?: unknown }) =>
  createElement(
    'a',
    {
      href,
      onClick: (event: MouseEvent) => {
        event.preventDefault()
        show(href)
      },
    },
    children as string,
  )
export default Link
