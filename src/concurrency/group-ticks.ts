interface TickWatch {
  done(items: number, result: number): void
  failed(): void
}

interface GroupTicksOptions<Item> {
  /** all that there are */
  items(): Iterable<Item>
  groupOf(item: Item): string
  /** default: all are */
  isReady?(item: Item): boolean
  tickMs: number
  /** What a tick does for those of one group; its result is for the watch. */
  work(items: readonly Item[]): Promise<number>
  /** `isFirst`: the tick of this group before did not fail. */
  onFailed(error: unknown, items: readonly Item[], isFirst: boolean): void
  /** called when the next tick of a group is due in `tickMs` */
  watch(): TickWatch
}

/**
 * Periodic work for items, together for all of a group: while a group has any, and never twice at once for a group nor for an item,
 * whose group may change. A group that is not answered keeps no other waiting. There are few groups.
 */
export const createGroupTicks = <Item extends object>({
  items,
  groupOf,
  isReady = () => true,
  tickMs,
  work,
  onFailed,
  watch,
}: GroupTicksOptions<Item>) => {
  const timers = new Map<string, NodeJS.Timeout>()
  const inFlight = new Set<Item>()
  const failing = new Set<string>()
  let isStopped = false

  const tick = async (group: string, { done, failed }: TickWatch): Promise<void> => {
    const asked = [...items()].filter(
      (item) => groupOf(item) === group && isReady(item) && !inFlight.has(item),
    )
    if (asked.length === 0) return
    for (const item of asked) inFlight.add(item)
    try {
      done(asked.length, await work(asked))
      failing.delete(group)
    } catch (error) {
      failed()
      onFailed(error, asked, !failing.has(group))
      failing.add(group)
    }
    for (const item of asked) inFlight.delete(item)
  }

  const schedule = (group: string): void => {
    if (timers.has(group) || isStopped) return
    const watched = watch()
    const timer = setTimeout(async () => {
      await tick(group, watched)
      timers.delete(group)
      // All of them: an item may have another group by now.
      for (const item of items()) schedule(groupOf(item))
    }, tickMs)
    timers.set(group, timer)
  }

  return {
    /** Sees to it that there is a tick for a new item. */
    begin: (item: Item): void => schedule(groupOf(item)),
    stop(): void {
      isStopped = true
      for (const timer of timers.values()) clearTimeout(timer)
    },
  }
}
