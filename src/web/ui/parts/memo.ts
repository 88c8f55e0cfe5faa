import { Component, type ComponentType, createElement, type FunctionComponent } from 'preact'

const differ = (a: object, b: object): boolean =>
  Object.keys({ ...a, ...b }).some((key) => a[key as keyof typeof a] !== b[key as keyof typeof b])

/** A component that is drawn again only when one of its properties has become another. */
export const memo = <P extends object>(draw: FunctionComponent<P>): ComponentType<P> =>
  class extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return differ(this.props, next)
    }
    override render() {
      return createElement(draw, this.props as never)
    }
  }
