import type { Report, Table, Target } from '../bench/part.js'
import { type MemorySample, memoryReport } from './memory.js'
import { type Book, growthOf, predictTable, type StorageCosts } from './storage.js'
import type { Counts } from './talks.js'

export interface Outcome {
  seconds: number
  rate: number
  counts: Counts
  late: number
  kills: number
  /** milliseconds */
  p50: number
  p99: number
  memory: MemorySample[]
  book: Book
  costs: StorageCosts
  wal: { records: number; pages: number }
  checkpoints: number
  databaseBytes: number
  tables: { name: string; rows: number; bytes: number; dead: number }[]
  thresholds: Map<string, { base: number; share: number }>
}

const wantedWalShare = 0.25
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)

const loadTable = ({ seconds, rate, counts, late, kills, p50, p99 }: Outcome): Table => ({
  title: `${(seconds / 60).toFixed(1)} minutes at ${rate.toFixed(0)} turns/s`,
  columns: ['what', 'how many'],
  rows: [
    ['turns', counts.turns],
    ['turns/s', counts.turns / seconds],
    ['turns that could not begin in time', late],
    ['answered as JSON', counts.json],
    ['answered as streams', counts.streams],
    ['streams read on at another instance', counts.resumed],
    ['messages sent twice at once', counts.duplicates],
    ['instances killed', kills],
    ['requests without a whole answer', counts.cut],
    ['requests refused for a while', counts.repeated],
    ['conversations begun', counts.begun],
    ['conversations deleted', counts.deleted],
    ['conversations expired', counts.expired],
    ['turn p50 ms', p50],
    ['turn p99 ms', p99],
  ],
  notes: [
    'A turn takes from its first request until it is acknowledged, however often it is sent meanwhile.',
  ],
})

const walReport = ({ wal, counts, book, costs, checkpoints, databaseBytes }: Outcome) => {
  const records = wal.records / counts.turns
  const ends = (counts.deleted + counts.expired) / counts.turns
  const predicted = costs.walOfTurn + ends * costs.walOfEnd
  const pages = wal.pages / counts.turns
  // What was not yet written after a checkpoint is written whole, each page once.
  const mostPages = ((checkpoints + 1) * databaseBytes) / counts.turns
  const off = records / predicted - 1
  const table: Table = {
    title: 'WAL of a turn, bytes',
    columns: ['part', 'predicted', 'measured'],
    rows: [
      ['records', predicted, records],
      ['images of full pages', `at most ${mostPages.toFixed(0)}`, pages],
    ],
    notes: [
      `Records: those of a turn (${costs.walOfTurn.toFixed(0)}) and of the ends of conversations (${costs.walOfEnd.toFixed(0)} each), both measured at the start, before anything was vacuumed. Images: ${checkpoints} checkpoints, after each of which each page of the database is written whole once at most.`,
    ],
  }
  const targets: Target[] = [
    {
      what: 'WAL records of a turn, to what was predicted',
      wanted: `within ${100 * wantedWalShare} %`,
      measured: `${off < 0 ? '' : '+'}${(100 * off).toFixed(0)} %`,
      isMet: Math.abs(off) <= wantedWalShare,
    },
    {
      what: 'WAL of full pages, a turn',
      wanted: `at most ${mostPages.toFixed(0)} bytes`,
      measured: pages,
      isMet: pages <= mostPages,
    },
  ]
  return { table, targets, book }
}

const tablesReport = ({ tables, book, costs, thresholds, rate }: Outcome) => {
  const lines = Object.entries(growthOf).flatMap(([name, growth]) => {
    const found = tables.find((table) => table.name === name)
    const rowBytes = costs.rowBytes.get(name)
    const threshold = thresholds.get(name)
    if (!found || !rowBytes || !threshold) return []
    return [{ ...found, predicted: predictTable(growth, book, rowBytes, threshold, rate) }]
  })
  const others = tables.filter(({ name }) => !(name in growthOf))
  const table: Table = {
    title: 'Tables at the end',
    columns: [
      'table',
      'rows predicted',
      'rows',
      'dead rows',
      'MB predicted',
      'MB with indexes',
      'bytes a row',
    ],
    rows: [
      ...lines.map(({ name, rows, dead, bytes, predicted: { rows: expected, most } }) => [
        name,
        expected,
        rows,
        dead,
        `at most ${megabytes(most)}`,
        megabytes(bytes),
        rows === 0 ? '–' : (bytes / rows).toFixed(0),
      ]),
      [
        'all others',
        '',
        others.reduce((sum, { rows }) => sum + rows, 0),
        others.reduce((sum, { dead }) => sum + dead, 0),
        '',
        megabytes(others.reduce((sum, { bytes }) => sum + bytes, 0)),
        '',
      ],
    ],
    notes: [
      "Predicted: the rows that clients know of, times the bytes of a row at the start, with as many dead rows beside them as autovacuum's thresholds allow, and as many as come in the minute and a half until it is there.",
    ],
  }
  // That no row is missing is a rule; those that are there may lie closer than predicted.
  const targets = lines.map(({ name, bytes, predicted: { most } }) => ({
    what: `size of ${name}`,
    wanted: `at most ${megabytes(most)} MB`,
    measured: megabytes(bytes),
    isMet: bytes <= most,
  }))
  return { table, targets }
}

/** What a soak came to. */
export const soakReport = (outcome: Outcome): Report => {
  const memory = memoryReport(outcome.memory)
  const wal = walReport(outcome)
  const tables = tablesReport(outcome)
  return {
    tables: [loadTable(outcome), memory.table, wal.table, tables.table],
    targets: [...memory.targets, ...wal.targets, ...tables.targets],
  }
}
