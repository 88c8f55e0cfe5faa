import type { ComponentChildren, Ref } from 'preact'
import { useEffect, useImperativeHandle, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { runsOf } from './layout.js'
import { Row } from './row.js'
import { createViewport } from './viewport.js'

/** Older pages are asked for when fewer screens than this are above the visible part. */
const SCREENS_BEFORE_LOADING = 1.5

export interface LongListHandle {
  /** Brings an item to the top, with the focus if wanted; false when the list does not have it (yet). */
  scrollTo(key: string, options?: { focus?: boolean; offset?: number }): boolean
  scrollToEnd(): void
}

export interface LongListProps<T> {
  /** what is loaded, in the order in which it is shown */
  items: readonly T[]
  keyOf(item: T): string
  /** Pass the same function as long as it gives the same: rows are rendered anew only for another item or another function. */
  renderItem(item: T, index: number): ComponentChildren
  /** what a screen reader calls an item, such as who wrote it and when */
  labelOf?(item: T): string
  /** what a screen reader calls the list */
  label: string
  /** how many items there are in all, loaded or not; unknown when left out */
  total?: number
  /** where the first loaded item is among all of them, from 1 */
  firstPosition?: number
  isBusy?: boolean
  /** Called when the beginning of what is loaded is near, at each step of scrolling, and when it has changed. */
  onNearTop?(): void
  /** Whether the list follows its end, for a button that leads there. */
  onAtEndChange?(isAtEnd: boolean): void
  handle?: Ref<LongListHandle>
}

/** Which item a key leads to from the one that has the focus, as ARIA's feed pattern says. */
const targetOf = (key: string, index: number, last: number): number | undefined => {
  if (key === 'PageDown') return Math.min(index + 1, last)
  if (key === 'PageUp') return Math.max(index - 1, 0)
  if (key === 'Home') return 0
  if (key === 'End') return last
  return undefined
}

const useViewport = () => {
  const [, render] = useState(0)
  return useMemo(() => createViewport(() => render((count) => count + 1)), [])
}

/**
 * A list of which only what is seen, and a screen on each side, is in the document. It follows its end until the reader scrolls
 * up, and then keeps what is seen in its place, whatever is added above or grows. It is its own scroll container.
 */
export const LongList = <T,>(props: LongListProps<T>) => {
  const { items, keyOf, renderItem, labelOf, total = -1, firstPosition = 1, onNearTop, onAtEndChange } = props
  const viewport = useViewport()
  const element = useRef<HTMLDivElement>(null)
  const keys = useMemo(() => items.map(keyOf), [items])
  const [focused, setFocused] = useState<string>()
  const toFocus = useRef<string>(undefined)
  const { starts, range } = viewport.rangeOf(keys)

  useLayoutEffect(() => {
    const scroller = element.current
    return scroller ? viewport.attach(scroller) : undefined
  }, [])

  useLayoutEffect(() => {
    viewport.settle()
    const row = toFocus.current === undefined ? undefined : viewport.row(toFocus.current)
    if (!row) return
    toFocus.current = undefined
    row.focus({ preventScroll: true })
  })

  const isAtEnd = viewport.isAtEnd()
  useEffect(() => {
    onAtEndChange?.(isAtEnd)
  }, [isAtEnd])

  const [firstKey] = keys
  const askedFor = useRef<string>(undefined)
  const askForOlder = () => {
    if (firstKey === undefined || askedFor.current === firstKey) return
    if (viewport.screensAbove() >= SCREENS_BEFORE_LOADING) return
    askedFor.current = firstKey
    onNearTop?.()
  }
  useEffect(askForOlder)

  const scrollTo: LongListHandle['scrollTo'] = (key, { focus = false, offset } = {}) => {
    if (!keys.includes(key)) return false
    if (focus) toFocus.current = key
    viewport.moveTo(key, offset)
    return true
  }
  useImperativeHandle(props.handle ?? null, () => ({ scrollTo, scrollToEnd: viewport.moveToEnd }))

  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = (event.target as HTMLElement).dataset
    const index = key === undefined ? -1 : keys.indexOf(key)
    const target = index < 0 ? undefined : keys[targetOf(event.key, index, keys.length - 1) ?? -1]
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    const row = viewport.row(target)
    if (row) row.focus()
    else scrollTo(target, { focus: true })
  }

  const onFocusIn = (event: FocusEvent) =>
    setFocused((event.target as HTMLElement).closest<HTMLElement>('[data-key]')?.dataset.key)

  const rowOf = (item: T, index: number) => {
    const key = keys[index] ?? ''
    return (
      <Row
        key={key}
        id={key}
        viewport={viewport}
        item={item}
        index={index}
        position={firstPosition + index}
        total={total}
        label={labelOf?.(item)}
        isTabStop={focused === undefined ? index === items.length - 1 : focused === key}
        render={renderItem as (item: unknown, index: number) => ComponentChildren}
      />
    )
  }

  return (
    <div
      ref={element}
      class="long-list"
      role="feed"
      aria-label={props.label}
      aria-busy={props.isBusy === true}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it with the keyboard
      tabIndex={0}
      onScroll={() => {
        viewport.scrolled()
        // The last time it may have failed.
        askedFor.current = undefined
        askForOlder()
      }}
      onKeyDown={onKeyDown}
      onFocusIn={onFocusIn}
    >
      {runsOf(starts, range, focused === undefined ? -1 : keys.indexOf(focused)).map((run) =>
        'space' in run ? (
          <div
            key={`space before ${run.before === keys.length ? 'the end' : run.before > range.last ? 'last' : 'first'}`}
            class="long-list-space"
            aria-hidden="true"
            style={{ height: `${run.space}px` }}
          />
        ) : (
          items.slice(run.first, run.last + 1).map((item, i) => rowOf(item, run.first + i))
        ),
      )}
    </div>
  )
}
