import type { Violation } from './check/rules.js'
import type { Dump } from './dump.js'
import type { Record as Entry } from './records.js'

export interface RunResult {
  violations: Violation[]
  /** how many are stored */
  turns: number
  conversations: number
  sends: number
  modelRuns: number
  /** conversations that were deleted, or had to expire */
  gone: number
  /** by status and what it says, the ends of streams apart */
  answers: { [kind: string]: number }
  faults: { [fault: string]: number }
}

const count = (names: string[]): { [name: string]: number } => {
  const counts: { [name: string]: number } = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** What a run came to. */
export const resultOf = (
  records: Entry[],
  { turns, conversations }: Dump,
  violations: Violation[],
  faults: string[],
): RunResult => ({
  violations,
  turns: turns.length,
  conversations: conversations.length,
  sends: records.filter(({ type }) => type === 'send').length,
  modelRuns: records.filter(({ type }) => type === 'run').length,
  gone: records.filter(({ type }) => type === 'gone').length,
  answers: count(
    records.flatMap((it) => {
      if (it.type !== 'answer') return []
      const said = `${it.status} ${it.body.code ?? it.body.status}`
      return it.as === 'stream' ? `stream: ${said}` : said
    }),
  ),
  faults: count(faults),
})
