/** An item of a response, as far as it has been heard. */
export interface HeardItem {
  /** what events have called it */
  readonly ids: Set<unknown>
  /** its place in the response, where that is told */
  index: number | undefined
  /** whether its end has come */
  isDone: boolean
}

const isId = (id: unknown): boolean => id !== undefined && id !== ''

/** The items of one kind that a response has had: by their ids first, since servers leave out places, or give all items the same. */
export const createItems = <Item extends HeardItem>() => {
  const items: Item[] = []
  const byId = (ids: unknown[]): Item | undefined =>
    items.findLast((item) => ids.some((id) => isId(id) && item.ids.has(id)))
  const bind = (item: Item, ids: unknown[], index: number | undefined): Item => {
    for (const id of ids.filter(isId)) item.ids.add(id)
    item.index ??= index
    return item
  }
  return {
    all: items as readonly Item[],
    byId,
    bind,
    add(item: Item, ids: unknown[]): Item {
      items.push(item)
      return bind(item, ids, undefined)
    },
    find: (ids: unknown[], index: number | undefined): Item | undefined =>
      byId(ids) ?? items.findLast((item) => index !== undefined && item.index === index && !item.isDone),
    lastOpen: (): Item | undefined => items.findLast(({ isDone }) => !isDone),
    /**
     * Finds which of them the items of a whole response are; undefined where one has not been heard. Those that have other ids there
     * are the same by their place, and where that is none of the response's, by their order.
     */
    match(whole: readonly { ids: unknown[]; index: number }[]): (Item | undefined)[] {
      const known = whole.map(({ ids }) => byId(ids))
      const places = new Set(whole.map(({ index }) => index))
      const left = items.filter((item) => !known.includes(item))
      return whole.map(({ index }, n) => {
        if (known[n]) return known[n]
        const same = left.findIndex((item) => item.index === index)
        const at =
          same >= 0 ? same : left.findIndex((item) => item.index === undefined || !places.has(item.index))
        return at < 0 ? undefined : left.splice(at, 1)[0]
      })
    },
  }
}
