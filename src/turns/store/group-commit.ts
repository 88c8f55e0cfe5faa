import { createFairQueue, type FairQueue } from '../../concurrency/fair-queue.js'
import { isStatementFailure } from '../../db/errors.js'
import type { BatchTracing } from '../../tracing/tracing.js'

export interface GroupCommitOptions<Entry, Answer> {
  /**
   * Sends the entries in one statement, which is one transaction, and returns their results in order. Unless `mayWait`, the
   * result is `locked` where it would have to wait for another transaction.
   */
  send(entries: readonly Entry[], mayWait: boolean): Promise<Answer[]>
  /** the approximate size of an entry, in characters */
  sizeOf(entry: Entry): number
  /** whose entry it is: the owners take turns; default: all have the same owner */
  ownerOf?(entry: Entry): string
  /** which entries share batches, and what is sent alone; those of others are sent at the same time. There are few such groups. default: all share them */
  groupOf?(entry: Entry): string
  maxEntries?: number
  maxSize?: number
  /** maximum number of entries of a group that wait for other transactions, each on its own connection; and of those that are tried again */
  maxWaiting?: number
  /** the same for the entries of one owner */
  maxWaitingOfOwner?: number
  /** called at once, with what tells how many entries wait to be sent */
  onReady?(waiting: () => number): void
  /** default: batches are not traced */
  tracing?: BatchTracing | undefined
}

interface Waiter<Entry, Answer> {
  entry: Entry
  /** the span that it is for */
  origin: ReturnType<BatchTracing['origin']>
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * Group commit: entries that arrive while a batch is in flight form the next batch; an entry that arrives alone is sent at
 * once. Those of an owner leave in their order. Entries are independent: those of a batch that fails are sent again alone, and so is one
 * that would have to wait for another transaction, which then may. So sending an entry more than once must be harmless.
 */
export const createGroupCommit = <Entry, Answer extends { outcome: string }>({
  send,
  sizeOf,
  maxEntries = 32,
  maxSize = 1_048_576,
  ownerOf = () => '',
  groupOf = () => '',
  maxWaiting = 4,
  maxWaitingOfOwner = maxWaiting,
  onReady = () => {},
  tracing,
}: GroupCommitOptions<Entry, Answer>): ((entry: Entry) => Promise<Answer>) => {
  type Item = Waiter<Entry, Answer>
  interface Group {
    queue: FairQueue<Item>
    isSending: boolean
    /** Send entries alone; what need not wait does not stand behind what does. */
    wait(item: Item): void
    retry(item: Item): void
  }
  const groups = new Map<string, Group>()
  const queues: FairQueue<Item>[] = []
  onReady(() => queues.reduce((sum, { size }) => sum + size, 0))

  const sendItems = (items: readonly Item[], mayWait: boolean): Promise<Answer[]> => {
    const entries = items.map(({ entry }) => entry)
    if (!tracing) return send(entries, mayWait)
    const origins = items.map(({ origin }) => origin)
    return tracing.run(origins, () => send(entries, mayWait))
  }

  const nextBatch = (queue: FairQueue<Item>): Item[] => {
    const batch: Item[] = []
    for (let size = 0; batch.length < maxEntries; ) {
      const next = queue.peek()
      if (!next) break
      size += sizeOf(next.entry)
      if (batch.length > 0 && size > maxSize) break
      queue.shift()
      batch.push(next)
    }
    return batch
  }

  /** Sends entries alone, so many at once and so many of one owner. */
  const createLane = (mayWait: boolean, maxOfOwner: number, onLocked: (item: Item) => void) => {
    const lane = createFairQueue<Item>()
    queues.push(lane)
    const sent = new Map<string, number>()
    let sentCount = 0
    const isReady = (owner: string): boolean => (sent.get(owner) ?? 0) < maxOfOwner

    const count = (owner: string, change: 1 | -1): void => {
      const ofOwner = (sent.get(owner) ?? 0) + change
      sentCount += change
      if (ofOwner > 0) sent.set(owner, ofOwner)
      else sent.delete(owner)
    }

    const next = (): void => {
      while (sentCount < maxWaiting) {
        const taken = lane.shift(isReady)
        if (!taken) return
        const { owner, item } = taken
        count(owner, 1)
        sendItems([item], mayWait)
          .then(([answer]) => {
            if (answer?.outcome === 'locked') onLocked(item)
            else item.resolve(answer as Answer)
          }, item.reject)
          .finally(() => {
            count(owner, -1)
            next()
          })
      }
    }

    return (item: Item): void => {
      lane.push(ownerOf(item.entry), item)
      next()
    }
  }

  const createGroup = (name: string): Group => {
    // One may be locked again: what it was to wait for has changed meanwhile.
    const wait: Group['wait'] = createLane(true, maxWaitingOfOwner, (item) => wait(item))
    const retry = createLane(false, maxWaiting, wait)
    const group: Group = { queue: createFairQueue<Item>(), isSending: false, wait, retry }
    groups.set(name, group)
    queues.push(group.queue)
    return group
  }

  const sendBatch = async (batch: readonly Item[], { wait, retry }: Group): Promise<void> => {
    const answers = await sendItems(batch, false).catch((error: unknown) => {
      // A refused statement is the fault of one entry; a lost connection concerns all of them.
      const isShared = batch.length === 1 || !isStatementFailure(error)
      for (const item of batch) {
        if (isShared) item.reject(error)
        else retry(item)
      }
    })
    answers?.forEach((answer, n) => {
      const item = batch[n] as Item
      if (answer.outcome === 'locked') wait(item)
      else item.resolve(answer)
    })
  }

  const run = async (group: Group): Promise<void> => {
    group.isSending = true
    while (group.queue.size > 0) await sendBatch(nextBatch(group.queue), group)
    group.isSending = false
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      const name = groupOf(entry)
      const group = groups.get(name) ?? createGroup(name)
      group.queue.push(ownerOf(entry), { entry, origin: tracing?.origin(), resolve, reject })
      if (!group.isSending) void run(group)
    })
}
