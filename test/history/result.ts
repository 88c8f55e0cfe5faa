import type { Violation } from './check/rules.js'
import type { Dump } from './dump.js'
import type { Answer, Record as Entry, Send } from './records.js'

/** A fault, from its beginning until everything ran again, in microseconds of the records' clock. */
export interface Injected {
  fault: string
  from: number
  to: number
}

export interface Timeline {
  answers: { at: number; kind: AnswerKind }[]
  faults: Injected[]
}

/** `cut` is a request without an answer, at the time when it was sent. */
export type AnswerKind = 'completed' | 'other outcome' | 'refused' | 'failed' | 'cut'

export interface RunResult {
  violations: Violation[]
  /** how many are stored, or were acknowledged and have gone with their conversations */
  turns: number
  /** how many are stored */
  conversations: number
  sends: number
  modelRuns: number
  /** conversations that were deleted, or had to expire */
  gone: number
  /** by status and what it says, the ends of streams apart */
  answers: { [kind: string]: number }
  faults: { [fault: string]: number }
  timeline: Timeline
}

const kindOf = ({ status, body }: Answer): AnswerKind =>
  status >= 500
    ? 'failed'
    : status >= 400
      ? 'refused'
      : body.status === 'completed'
        ? 'completed'
        : 'other outcome'

const timelineOf = (records: Entry[], faults: Injected[]): Timeline => {
  const answers = records.filter((it): it is Answer => it.type === 'answer')
  const answered = new Set(answers.map(({ request }) => request))
  const cut = records.filter((it): it is Send => it.type === 'send' && !answered.has(it.request))
  return {
    answers: [
      ...answers.map((it) => ({ at: it.at, kind: kindOf(it) })),
      ...cut.map(({ at }) => ({ at, kind: 'cut' as const })),
    ],
    faults,
  }
}

const turnsOf = (records: Entry[], { turns }: Dump): Set<string> =>
  new Set([
    ...turns.map(({ id }) => id),
    ...records.flatMap((it) => (it.type === 'answer' && it.body.turn_id ? [it.body.turn_id] : [])),
  ])

const count = (names: string[]): { [name: string]: number } => {
  const counts: { [name: string]: number } = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** What a run came to. */
export const resultOf = (
  records: Entry[],
  dump: Dump,
  violations: Violation[],
  faults: Injected[],
): RunResult => ({
  violations,
  turns: turnsOf(records, dump).size,
  conversations: dump.conversations.length,
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
  faults: count(faults.map(({ fault }) => fault)),
  timeline: timelineOf(records, faults),
})
