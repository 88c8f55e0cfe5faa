import type { Answer } from '../records.js'
import type { Exchange, Operation, View } from '../view.js'
import type { Check, Violation } from './rules.js'

/** Fates that another attempt may replace, by the problem that tells them. */
const failures: Record<string, string> = {
  'model-failed': 'failed',
  'model-timeout': 'failed',
  'turn-interrupted': 'interrupted',
}
// A connection that has been idle since it was made may be closed at the moment of its first request.
const refusals = new Set([
  ...['turn-in-progress', 'shutting-down', 'request-timeout', 'rate-limited', 'budget-exceeded'],
])
const passing = new Set([...refusals, 'idempotency-key-in-use', 'database-unavailable'])

const fateOf = ({ body }: Answer): string | undefined => failures[body.code ?? '']
/** Whether it tells how the turn ended; from then on the message has its place. */
const isOutcome = (answer: Answer): boolean => answer.status === 200 || fateOf(answer) !== undefined

const named = ({ message, key }: Operation) => `${message} (${key === null ? 'without a key' : `key ${key}`})`

const expectations = (operation: Operation, { leavers }: View): Violation[] =>
  operation.requests.flatMap(({ sent, answer }) => {
    if (!answer || isOutcome(answer) || passing.has(answer.body.code ?? '')) return []
    // Somebody else has taken away the conversation that it has made, which nobody was told.
    const isGone = ['conversation-not-found', 'turn-not-found'].includes(answer.body.code ?? '')
    if (isGone && operation.conversation === null && leavers.has(operation.user)) return []
    const said = `${answer.status} ${answer.body.code}`
    return [
      { rule: 'unexpected', text: `request ${sent.request} of ${named(operation)} was answered ${said}` },
    ]
  })

const duplicates = (operation: Operation, found: Exchange[]): Violation[] => {
  if (found.length <= 1) return []
  const places = found.map(
    ({ conversation, asked }) => `${asked.position} of conversation ${conversation.id}`,
  )
  return [{ rule: 'duplicated', text: `${named(operation)} is stored at ${places.join(' and at ')}` }]
}

/** What was said of an answer and is stored otherwise, in words. */
const differences = ({ body }: Answer, { conversation, asked, answer }: Exchange): string[] => {
  const pairs: [name: string, said: unknown, stored: unknown][] = [
    ['conversation_id', body.conversation_id, conversation.id],
    ['user_message_id', body.user_message_id, asked.id],
    ['message_id', body.message_id, answer?.id],
    ['status', body.status, answer?.status],
    ['response', body.response, answer?.content],
  ]
  return pairs
    .filter(([, said, stored]) => said !== stored)
    .map(([name, said, stored]) => `${name} "${said}" is stored as "${stored}"`)
}

const durable = new Set(['completed', 'cancelled'])

const outcomes = (operation: Operation, found: Exchange[]): Violation[] =>
  operation.requests.flatMap(({ sent, answer }): Violation[] => {
    if (!answer || !isOutcome(answer)) return []
    const what = `${named(operation)}, acknowledged ${answer.status} to request ${sent.request} as turn ${answer.body.turn_id},`
    const exchange = found.find(({ asked }) => asked.turn_id === answer.body.turn_id)
    if (!exchange) return [{ rule: 'lost', text: `${what} is not stored` }]
    if (answer.status !== 200) return []
    const status = exchange.answer?.status ?? 'missing'
    if (!durable.has(status)) return [{ rule: 'lost', text: `${what} has an answer that is ${status}` }]
    const altered = differences(answer, exchange)
    return altered.length === 0 ? [] : [{ rule: 'altered', text: `${what} differs: ${altered.join(', ')}` }]
  })

const replays = (operation: Operation): Violation[] => {
  const first = Math.min(
    ...operation.requests.map(({ answer }) =>
      answer?.status === 200 ? answer.at : Number.POSITIVE_INFINITY,
    ),
  )
  return operation.requests.flatMap(({ sent, answer }) => {
    if (!answer || !isOutcome(answer) || sent.at <= first) return []
    if (answer.status === 200 && answer.replayed) return []
    const said = `${answer.status}${answer.replayed ? '' : ', not as a replay'}`
    return [
      {
        rule: 'replay',
        text: `${named(operation)} was acknowledged, and request ${sent.request} later got ${said}`,
      },
    ]
  })
}

const refused = ({ requests, ...operation }: Operation, found: Exchange[]): Violation[] => {
  const isRefused = requests.every(({ answer }) => refusals.has(answer?.body.code ?? ''))
  if (!isRefused || found.length === 0) return []
  const codes = requests.map(({ answer }) => answer?.body.code).join(', ')
  return [{ rule: 'refused', text: `${named({ requests, ...operation })} got ${codes} and is stored` }]
}

/** A failure that was told stays, unless another request was under way after it and began the next attempt. */
const replacements = (operation: Operation, found: Exchange[]): Violation[] =>
  operation.requests.flatMap(({ sent, answer }) => {
    const fate = answer && fateOf(answer)
    const turn = found.find(({ asked }) => asked.turn_id === answer?.body.turn_id)?.turn
    if (!fate || !turn || turn.status === fate) return []
    const another = operation.requests.some(
      (other) => other.sent !== sent && (other.answer?.at ?? Number.POSITIVE_INFINITY) > sent.at,
    )
    if (another) return []
    return [
      {
        rule: 'ran-unasked',
        text: `${named(operation)} was ${fate} for request ${sent.request} and is ${turn.status}`,
      },
    ]
  })

const order = ({ operations, logs, stored }: View): Violation[] => {
  const violations: Violation[] = []
  for (const { conversation, messages } of logs.values()) {
    let earliest: { at: number; message: string } | undefined
    for (const { content: message, role } of messages.toReversed()) {
      const operation = operations.get(message)
      if (role !== 'user' || !operation || stored.get(message)?.length !== 1) continue
      const first = Math.min(...operation.requests.map(({ sent }) => sent.at))
      if (earliest && earliest.at < first) {
        const text = `in conversation ${conversation.id} ${earliest.message} was acknowledged before ${message} was sent, and stands after it`
        violations.push({ rule: 'order', text })
      }
      for (const { answer } of operation.requests) {
        if (answer && isOutcome(answer) && answer.at < (earliest?.at ?? Number.POSITIVE_INFINITY)) {
          earliest = { at: answer.at, message }
        }
      }
    }
  }
  return violations
}

/** What clients were told, against what is stored. */
export const acknowledgements: Check = (view, { settled }) => [
  ...[...view.operations.values()].flatMap((operation) => {
    const found = view.stored.get(operation.message) ?? []
    return [
      ...expectations(operation, view),
      ...duplicates(operation, found),
      ...outcomes(operation, found),
      ...replays(operation),
      // Before the end there may be requests that the records do not have yet.
      ...(settled ? [...refused(operation, found), ...replacements(operation, found)] : []),
    ]
  }),
  ...order(view),
]
