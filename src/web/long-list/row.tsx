import { Component, type ComponentChildren, createRef } from 'preact'
import type { Viewport } from './viewport.js'

export interface RowProps {
  id: string
  viewport: Viewport
  item: unknown
  index: number
  position: number
  total: number
  label: string | undefined
  isTabStop: boolean
  render(item: unknown, index: number): ComponentChildren
}

/** An item of the list, rendered anew only when something of it has changed: not for each step of scrolling. */
export class Row extends Component<RowProps> {
  readonly #element = createRef<HTMLDivElement>()
  #unwatch: (() => void) | undefined

  override componentDidMount() {
    const { id, viewport } = this.props
    if (this.#element.current) this.#unwatch = viewport.watch(id, this.#element.current)
  }

  override componentWillUnmount() {
    this.#unwatch?.()
  }

  override shouldComponentUpdate(next: RowProps) {
    return (Object.keys(next) as (keyof RowProps)[]).some((name) => next[name] !== this.props[name])
  }

  render() {
    const { id, item, index, position, total, label, isTabStop, render } = this.props
    return (
      <article
        ref={this.#element}
        class="long-list-item"
        aria-label={label}
        aria-posinset={position}
        aria-setsize={total}
        tabIndex={isTabStop ? 0 : -1}
        data-key={id}
      >
        {render(item, index)}
      </article>
    )
  }
}
