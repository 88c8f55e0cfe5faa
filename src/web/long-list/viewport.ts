import { indexAt, layOut, type Range, rangeBetween } from './layout.js'

/** Nearer to the end than this, scrolling down follows the end again; in pixels. */
const NEAR_END = 32
/** Before the first layout nobody knows how high the list is. */
const FIRST_HEIGHT = 800

/** What stays where it is on the screen when anything above it changes its height. */
interface Anchor {
  key: string
  /** its top, from the top of the list's visible part */
  offset: number
}

export interface Viewport {
  attach(element: HTMLElement): () => void
  watch(key: string, row: HTMLElement): () => void
  /** Which items to render, a screen more on each side. */
  rangeOf(keys: readonly string[]): { starts: Float64Array; range: Range }
  /** After each render: measures the rows, and puts the anchor, or the end, back to where it was. */
  settle(): void
  scrolled(): void
  /** Has the item's top, or its middle, at that distance from the top of the visible part. */
  moveTo(key: string, offset?: number): void
  moveToEnd(): void
  row(key: string): HTMLElement | undefined
  isAtEnd(): boolean
  /** how far the visible part is from the beginning, in its own heights */
  screensAbove(): number
}

/**
 * The scroll position of a windowed list, which is kept by what is seen, not by pixels: either the list follows its end, or an
 * anchor stays in its place. `onChange` asks for a render.
 */
export const createViewport = (onChange: () => void): Viewport => {
  const heights = new Map<string, number>()
  const rows = new Map<string, HTMLElement>()
  let element: HTMLElement | undefined
  let height = FIRST_HEIGHT
  let width = 0
  let keys: readonly string[] = []
  let starts = layOut([], heights)
  let rendered: Range = { first: 0, last: -1 }
  let anchor: Anchor | undefined
  let isAtEnd = true
  let lastTop = 0

  const topOf = (row: Element) =>
    row.getBoundingClientRect().top - (element?.getBoundingClientRect().top ?? 0)

  /** Where the visible part begins, as the heights are known now. */
  const currentTop = (): number => {
    const end = starts.at(-1) ?? 0
    if (isAtEnd) return Math.max(0, end - height)
    const index = anchor ? keys.indexOf(anchor.key) : -1
    if (!anchor || index < 0) return element?.scrollTop ?? 0
    return Math.max(0, Math.min((starts[index] ?? 0) - anchor.offset, end - height))
  }

  const scrollTo = (top: number) => {
    if (!element) return
    element.scrollTop = top
    lastTop = element.scrollTop
  }

  /** Returns whether a height was not the one that the spaces around the rows were made with. */
  const measure = (): boolean => {
    let isNew = false
    for (const [key, row] of rows) {
      const measured = row.getBoundingClientRect().height
      if (Math.abs(measured - (heights.get(key) ?? -1)) < 0.5) continue
      heights.set(key, measured)
      isNew = true
    }
    return isNew
  }

  const settle = () => {
    if (!element) return
    const isNew = measure()
    const row = anchor && rows.get(anchor.key)
    if (isAtEnd) scrollTo(element.scrollHeight)
    else if (anchor && row) {
      const moved = topOf(row) - anchor.offset
      if (Math.abs(moved) >= 0.5) scrollTo(element.scrollTop + moved)
    }
    if (isNew) onChange()
  }

  /** The first row that is seen; if the reader has scrolled to where no rows are yet, the item that will be there. */
  const findAnchor = (): Anchor | undefined => {
    for (const row of element?.children ?? []) {
      const { key } = (row as HTMLElement).dataset
      const offset = key === undefined ? 0 : topOf(row)
      if (key === undefined || offset + row.getBoundingClientRect().height <= 0) continue
      if (offset < height) return { key, offset }
      break
    }
    const top = element?.scrollTop ?? 0
    const index = indexAt(starts, top)
    const key = keys[index]
    return key === undefined ? undefined : { key, offset: (starts[index] ?? 0) - top }
  }

  const observer = new ResizeObserver((entries) => {
    if (!element) return
    const isResized = entries.some(({ target }) => target === element)
    if (isResized) {
      height = element.clientHeight || FIRST_HEIGHT
      // Other widths make other heights; those of the rows that are shown are measured at once.
      if (width !== element.clientWidth) heights.clear()
      width = element.clientWidth
    }
    settle()
    if (isResized) onChange()
  })

  return {
    attach(scroller) {
      element = scroller
      observer.observe(scroller)
      return () => {
        observer.disconnect()
        element = undefined
      }
    },
    watch(key, row) {
      rows.set(key, row)
      observer.observe(row)
      return () => {
        observer.unobserve(row)
        if (rows.get(key) === row) rows.delete(key)
      }
    },
    rangeOf(newKeys) {
      keys = newKeys
      starts = layOut(keys, heights)
      const top = currentTop()
      rendered = rangeBetween(starts, top - height, top + 2 * height)
      return { starts, range: rendered }
    },
    settle,
    scrolled() {
      if (!element) return
      const { scrollTop, scrollHeight, clientHeight } = element
      const rest = scrollHeight - clientHeight - scrollTop
      const wasAtEnd = isAtEnd
      // An answer that grows makes the rest larger too: only the reader's own way up leaves the end.
      if (rest <= 1 || (scrollTop > lastTop && rest <= NEAR_END)) isAtEnd = true
      else if (scrollTop < lastTop) isAtEnd = false
      lastTop = scrollTop
      anchor = findAnchor()
      const seen = rangeBetween(starts, currentTop() - height / 2, currentTop() + 1.5 * height)
      const isCovered = seen.first >= rendered.first && seen.last <= rendered.last
      if (!isCovered || isAtEnd !== wasAtEnd) onChange()
    },
    moveTo(key, offset = 16) {
      isAtEnd = false
      anchor = { key, offset }
      onChange()
    },
    moveToEnd() {
      isAtEnd = true
      onChange()
    },
    row: (key) => rows.get(key),
    isAtEnd: () => isAtEnd,
    screensAbove: () => currentTop() / height,
  }
}
