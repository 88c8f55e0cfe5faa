/** A queue whose owners take turns, so that nobody's many items hold up another's few. An owner's own are FIFO. */
export interface FairQueue<Item> {
  readonly size: number
  push(owner: string, item: Item): void
  /** the next item, which stays */
  peek(): Item | undefined
  /** Takes the next item of an owner who is ready; of any when `isReady` is left out. */
  shift(isReady?: (owner: string) => boolean): { owner: string; item: Item } | undefined
  remove(owner: string, item: Item): void
  /** Takes all items. */
  clear(): Item[]
}

export const createFairQueue = <Item>(): FairQueue<Item> => {
  // In the order in which their owners come next.
  const lines = new Map<string, Item[]>()
  let size = 0
  return {
    get size() {
      return size
    },
    push(owner, item) {
      const line = lines.get(owner)
      if (line) line.push(item)
      else lines.set(owner, [item])
      size += 1
    },
    peek() {
      for (const [item] of lines.values()) return item
    },
    shift(isReady = () => true) {
      for (const [owner, line] of lines) {
        if (!isReady(owner)) continue
        const item = line.shift() as Item
        size -= 1
        lines.delete(owner)
        if (line.length > 0) lines.set(owner, line)
        return { owner, item }
      }
    },
    remove(owner, item) {
      const line = lines.get(owner)
      const index = line?.indexOf(item) ?? -1
      if (!line || index < 0) return
      line.splice(index, 1)
      size -= 1
      if (line.length === 0) lines.delete(owner)
    },
    clear() {
      const items = [...lines.values()].flat()
      lines.clear()
      size = 0
      return items
    },
  }
}
