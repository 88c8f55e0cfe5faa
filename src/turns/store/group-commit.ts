import { isStatementFailure } from '../../db/errors.js'

export interface GroupCommitOptions<Entry, Answer> {
  /**
   * Sends the entries in one statement, which is one transaction, and returns their results in order. Unless `mayWait`, the
   * result is `locked` where it would have to wait for another transaction.
   */
  send(entries: readonly Entry[], mayWait: boolean): Promise<Answer[]>
  /** the approximate size of an entry, in characters */
  sizeOf(entry: Entry): number
  maxEntries?: number
  maxSize?: number
  /** maximum number of entries that wait for other transactions, each on its own connection */
  maxWaiting?: number
}

interface Waiter<Entry, Answer> {
  entry: Entry
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/**
 * Group commit: entries that arrive while a batch is in flight form the next batch; an entry that arrives alone is sent at
 * once. Entries are independent: one that fails, or would have to wait for another transaction, is sent again alone. So
 * sending an entry twice must be harmless.
 */
export const createGroupCommit = <Entry, Answer extends { outcome: string }>({
  send,
  sizeOf,
  maxEntries = 32,
  maxSize = 1_048_576,
  maxWaiting = 4,
}: GroupCommitOptions<Entry, Answer>): ((entry: Entry) => Promise<Answer>) => {
  type Item = Waiter<Entry, Answer>
  let queue: Item[] = []
  let contended: Item[] = []
  let waiting = 0
  let isSending = false

  const nextBatch = (): Item[] => {
    let count = 0
    for (let size = 0; count < queue.length && count < maxEntries; count += 1) {
      size += sizeOf((queue[count] as Item).entry)
      if (count > 0 && size > maxSize) break
    }
    const batch = queue.slice(0, count)
    queue = queue.slice(count)
    return batch
  }

  const sendAlone = (item: Item): void => {
    if (waiting >= maxWaiting) {
      contended.push(item)
      return
    }
    waiting += 1
    send([item.entry], true)
      .then(([answer]) => item.resolve(answer as Answer), item.reject)
      .finally(() => {
        waiting -= 1
        const [next, ...rest] = contended
        contended = rest
        if (next) sendAlone(next)
      })
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
    while (queue.length > 0) await sendBatch(nextBatch())
    isSending = false
  }

  return (entry) =>
    new Promise((resolve, reject) => {
      queue.push({ entry, resolve, reject })
      if (!isSending) void run()
    })
}
