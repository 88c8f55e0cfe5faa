import { answerOf } from '../answers.js'
import type { MessageRow } from '../dump.js'
import type { Run } from '../records.js'
import type { Exchange, Log, View } from '../view.js'
import type { Check, Violation } from './rules.js'

/** The turns before a message on its branch that a model may be given, oldest first. */
const givable = ({ messages }: Log, asked: MessageRow) => {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const branch: MessageRow[] = []
  for (let id = asked.parent_id; id !== null; id = branch.at(-1)?.parent_id ?? null) {
    const parent = byId.get(id)
    if (!parent) break
    branch.push(parent)
  }
  return branch
    .reverse()
    .filter(
      ({ role, status, content }) =>
        role === 'assistant' && (status === 'completed' || (status === 'cancelled' && content !== '')),
    )
    .map(({ parent_id, content }) => ({ user: byId.get(parent_id ?? '')?.content, assistant: content }))
}

/** The newest turns, and of those at least as many as a window has that has just moved. */
const histories = ({ logs }: View, exchange: Exchange, runs: Run[], most: number): Violation[] => {
  if (runs.length === 0) return []
  const { conversation, asked } = exchange
  const log = logs.get(conversation.id)
  const all = log ? givable(log, asked) : []
  const mostTurns = Math.floor(most / 2)
  const leastTurns = Math.min(all.length, Math.ceil(mostTurns / 2))
  const isRight = ({ history }: Run): boolean => {
    const given = history.map(({ user, assistant }) => ({ user, assistant }))
    const expected = all.slice(all.length - given.length)
    const isInBounds = given.length >= leastTurns && given.length <= mostTurns
    return isInBounds && JSON.stringify(given) === JSON.stringify(expected)
  }
  return runs
    .filter((run) => !isRight(run))
    .map(({ nonce, history }) => {
      const expected = all.slice(Math.max(0, all.length - history.length))
      const at = history.findIndex(({ assistant }, i) => assistant !== expected[i]?.assistant)
      const what = `${history.length} of ${all.length} turns, differing at ${at < 0 ? history.length : at}`
      return {
        rule: 'history',
        text: `run ${nonce} at position ${asked.position} of conversation ${conversation.id} was given ${what}`,
      }
    })
}

const torn = ({ asked, answer }: Exchange, runs: Run[]): Violation[] => {
  if (!answer) return []
  const texts = runs.map(({ nonce }) => answerOf(nonce, asked.content))
  const { content, status } = answer
  const isWhole =
    status === 'completed'
      ? texts.includes(content)
      : content === '' || texts.some((text) => text.startsWith(content))
  return isWhole ? [] : [{ rule: 'torn', text: `answer ${answer.id} is ${status} and says "${content}"` }]
}

/** That nothing ran more often than it was asked for. */
const unasked = ({ operations }: View, { asked, turn }: Exchange, runs: Run[]): Violation[] => {
  const requests = operations.get(asked.content)?.requests.length
  // That nobody sent it is told of elsewhere.
  if (requests === undefined) return []
  const attempts = turn?.attempt ?? 0
  if (Math.max(runs.length, attempts) <= requests) return []
  const text = `${asked.content} was sent ${requests} times, and ran ${runs.length} times in ${attempts} attempts`
  return [{ rule: 'ran-unasked', text }]
}

const serverOf = ({ nonce }: Run): string => nonce.replace(/\.?\d+$/, '')
/** Microseconds: for longer no server stands still, nor tries to begin a turn. */
const haltSpan = 10_000_000

/** Microseconds by which the last try to store an end may come before the turn's deadline. */
const lastPause = 2_000_000
/** Microseconds past the turn's time for which its end is tried to be stored; then its answer is given up. */
const endMargin = 5_000_000

/**
 * That no attempt was begun while another of its turn ran on a server that lived, or after one that was done and whose end
 * could still be stored.
 */
const takenOver = ({ runEnds, halts }: View, runs: Run[], turnTimeoutMs: number): Violation[] => {
  const givenUpAfter = turnTimeoutMs * 1_000 + endMargin - lastPause
  const inOrder = runs.toSorted((a, b) => a.at - b.at)
  return inOrder.slice(1).flatMap((next, i) => {
    const former = inOrder[i] as Run
    const end = runEnds.get(former.nonce)
    // Its server was killed.
    if (!end || (end.at < next.at && !end.whole)) return []
    if (next.at - former.at > givenUpAfter) return []
    const servers = [serverOf(former), serverOf(next)]
    const hasHalted = halts.some(
      ({ server, at }) => servers.includes(server) && at > former.at && at - haltSpan < next.at,
    )
    if (hasHalted) return []
    const how = end.at < next.at ? 'had said all' : 'was running'
    return [{ rule: 'taken-over', text: `run ${next.nonce} began when ${former.nonce} ${how}` }]
  })
}

/** What models were given, and what became of what they said. */
export const models: Check = (view, { settled, historyMessages, turnTimeoutMs }) => {
  const lost = [...view.runs.keys()].filter(
    (message) => !view.stored.has(message) && !view.mayBeGone.has(message),
  )
  // What is stored twice is told of elsewhere.
  const once = [...view.stored.values()].flatMap((found) => (found.length === 1 ? found : []))
  return [
    ...lost.map((message): Violation => ({ rule: 'lost', text: `${message} was run and is not stored` })),
    ...once.flatMap((exchange) => {
      const runs = view.runs.get(exchange.asked.content) ?? []
      const given = histories(view, exchange, runs, historyMessages)
      // Before the end the dump is younger than the records.
      if (!settled) return given
      return [
        ...given,
        ...unasked(view, exchange, runs),
        ...torn(exchange, runs),
        ...takenOver(view, runs, turnTimeoutMs),
      ]
    }),
  ]
}
