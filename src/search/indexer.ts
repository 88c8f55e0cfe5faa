import type { Database } from '../db/database.js'
import { firstIdAt } from '../new-id.js'
import { createBackgroundJobs } from '../turns/background-jobs.js'
import { segmentEntries, signatureOf } from './signature.js'

interface IndexerOptions {
  db: Database
  log: { warn(fields: object, text: string): void }
  /** how long a job may take; the next search goes on where it ended */
  timeoutMs?: number
}

export interface SearchIndexer {
  /** Indexes in the background what a search had to compare directly. Does nothing while another job runs. */
  begin(userId: string): void
  /** Aborts the job, and waits until it has released the database. */
  stop(): Promise<void>
}

interface Entry {
  number: number | null
  version: number
  conversation_id: string
  position: number
  entry: string | null
}

interface Range {
  id: string
  first: number
  length: number
  title: string
}

/**
 * Younger conversations are not indexed yet: others whose ids are smaller may not be committed. Ids are made by the
 * instances' clocks, which may differ.
 */
const youngMs = 300_000

const rangesOf = (entries: readonly Entry[]): Range[] => {
  const ranges: Range[] = []
  for (const { conversation_id: id, position, entry } of entries) {
    const last = ranges.at(-1)
    if (last?.id === id) last.length = position - last.first + 1
    else ranges.push({ id, first: position, length: 1, title: entry ?? '' })
  }
  return ranges
}

/** Makes one segment. Resolves to whether there may be more to make. */
const indexSegment = async (db: Database, userId: string): Promise<boolean> => {
  const entries = await db.statement(
    (sql) => sql<Entry[]>`
      select number, version, conversation_id, position, entry
      from colloquy.search_batch(
        p_user_id => ${userId}, p_limit => ${segmentEntries}, p_before => ${firstIdAt(Date.now() - youngMs)})`,
    'others',
    userId,
  )
  const [first] = entries
  if (!first) return false
  const ranges = rangesOf(entries)
  const signature = await signatureOf(entries.map(({ entry }) => entry ?? ''))
  const [stored] = await db.statement(
    (sql) => sql<[{ is_stored: boolean }]>`
      select colloquy.store_segment(
        p_user_id => ${userId}, p_number => ${first.number}, p_version => ${first.version},
        p_conversation_ids => ${ranges.map(({ id }) => id)}::uuid[],
        p_first_positions => ${ranges.map((range) => range.first)}::integer[],
        p_lengths => ${ranges.map(({ length }) => length)}::integer[],
        p_titles => ${ranges.map(({ title }) => title)}::text[], p_signature => ${signature}) as is_stored`,
    'others',
    userId,
  )
  return stored.is_stored
}

/** Keeps the search index up with what users search. Instances may do it at the same time; one of them then begins anew. */
export const createSearchIndexer = ({ db, log, timeoutMs = 60_000 }: IndexerOptions): SearchIndexer => {
  const jobs = createBackgroundJobs({ log, failure: 'messages could not be indexed', timeoutMs, max: 1 })
  return {
    begin: (userId) =>
      jobs.begin({}, async (signal) => {
        while (!signal.aborted && (await indexSegment(db, userId)));
      }),
    stop: jobs.stop,
  }
}
