import { createFairQueue } from '../../concurrency/fair-queue.js'
import { isStatementFailure } from '../../db/errors.js'

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
  maxEntries?: number
  maxSize?: number
  /** maximum number of entries that wait for other transactions, each on its own connection */
  maxWaiting?: number
  /** the same for the entries of one owner */
  maxWaitingOfOwner?: number
}

interface Waiter<Entry, Answer> {
  entry: Entry
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * Group commit: entries that arrive while a batch is in flight form the next batch; an entry that arrives alone is sent at
 * once. Those of an owner leave in their order. Entries are independent: one that fails, or would have to wait for another transaction, is sent again alone. So
 * sending an entry twice must be harmless.
 */
export const createGroupCommit = <Entry, Answer extends { outcome: string }>({
  send,
  sizeOf,
  maxEntries = 32,
  maxSize = 1_048_576,
  ownerOf = () => '',
  maxWaiting = 4,
  maxWaitingOfOwner = maxWaiting,
}: GroupCommitOptions<Entry, Answer>): ((entry: Entry) => Promise<Answer>) => {
  type Item = Waiter<Entry, Answer>
  const queue = createFairQueue<Item>()
  const contended = createFairQueue<Item>()
  const waiting = new Map<string, number>()
  let waitingCount = 0
  let isSending = false

  const nextBatch = (): Item[] => {
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

  const mayWait = (owner: string): boolean => (waiting.get(owner) ?? 0) < maxWaitingOfOwner

  const countWaiting = (owner: string, change: 1 | -1): void => {
    const count = (waiting.get(owner) ?? 0) + change
    waitingCount += change
    if (count > 0) waiting.set(owner, count)
    else waiting.delete(owner)
  }

  const sendContended = (): void => {
    while (waitingCount < maxWaiting) {
      const next = contended.shift(mayWait)
      if (!next) return
      const { owner, item } = next
      countWaiting(owner, 1)
      send([item.entry], true)
        .then(([answer]) => {
          // What it was to wait for has changed meanwhile.
          if (answer?.outcome === 'locked') contended.push(owner, item)
          else item.resolve(answer as Answer)
        }, item.reject)
        .finally(() => {
          countWaiting(owner, -1)
          sendContended()
        })
    }
  }

  const sendAlone = (item: Item): void => {
    contended.push(ownerOf(item.entry), item)
    sendContended()
  }

  const sendBatch = async (batch: readonly Item[]): Promise<void> => {
    const entries = batch.map(({ entry }) => entry)
    const answers = await send(entries, false).catch((error: unknown) => {
      // A refused statement is the fault of one entry; a lost connection concerns all of them.
      const isShared = batch.length === 1 || !isStatementFailure(error)
      for (const item of batch) {
        if (isShared) item.reject(error)
        else sendAlone(item)
      }
    })
    answers?.forEach((answer, n) => {
      const item = batch[n] as Item
      if (answer.outcome === 'locked') sendAlone(item)
      else item.resolve(answer)
    })
  }

  const run = async (): Promise<void> => {
    isSending = true
    while (queue.size > 0) await sendBatch(nextBatch())
    isSending = false
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      queue.push(ownerOf(entry), { entry, resolve, reject })
      if (!isSending) void run()
    })
}
