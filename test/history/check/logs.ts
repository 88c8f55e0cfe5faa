import { isRunning, type Log, type View } from '../view.js'
import type { Check, Violation } from './rules.js'

const gaps = ({ conversation, messages, turns }: Log): Violation[] => {
  // The answer of the turn that runs has its position already, and a summary may come after that.
  const reserved = turns.filter(isRunning).map(({ user_message_id }) => {
    return (messages.find(({ id }) => id === user_message_id)?.position ?? 0) + 1
  })
  const positions = [...messages.map(({ position }) => position), ...reserved].sort((a, b) => a - b)
  const at = positions.findIndex((position, i) => position !== i + 1)
  if (at < 0 && conversation.last_position === positions.length) return []
  const what =
    at < 0
      ? `has given out ${conversation.last_position} positions and uses ${positions.length}`
      : `has position ${positions[at]} where ${at + 1} belongs`
  return [{ rule: 'gap', text: `conversation ${conversation.id} ${what}` }]
}

const interleaving = ({ conversation, messages }: Log, { operations }: View): Violation[] => {
  // A summary may come anywhere but between a question and its answer.
  const said = messages.filter(({ role }) => role !== 'summary')
  const fault = said.find((message, i) => {
    const { role, turn_id, parent_id } = message
    const before = said[i - 1]
    if (role === 'assistant' && messages[messages.indexOf(message) - 1] !== before) return true
    // An edited message follows what it was sent to follow, any other the newest.
    const operation = operations.get(message.content)
    const followed = operation?.parent === undefined ? (before?.id ?? null) : operation.parent
    // Of a message that nobody has recorded yet it is not known.
    if ((role === 'assistant' || operation) && parent_id !== followed) return true
    return i % 2 === 0 ? role !== 'user' : role !== 'assistant' || turn_id !== before?.turn_id
  })
  if (!fault) return []
  const { position, role, turn_id, parent_id } = fault
  return [
    {
      rule: 'interleaved',
      text: `conversation ${conversation.id} has at position ${position} the ${role}'s message of turn ${turn_id} with parent ${parent_id}`,
    },
  ]
}

const running = ({ conversation, turns }: Log): Violation[] => {
  const held = turns.filter(isRunning).map(({ id }) => id)
  const last = conversation.last_turn_id
  if (held.every((id) => id === last)) return []
  return [
    {
      rule: 'two-running',
      text: `conversation ${conversation.id} runs ${held.join(' and ')}, and its last turn is ${last}`,
    },
  ]
}

const fates = ({ conversation, turns, messages }: Log, settled: boolean): Violation[] => {
  const byId = new Map(messages.map((message) => [message.id, message]))
  return turns.flatMap(({ id, status, user_message_id, message_id }) => {
    const answer = byId.get(message_id)
    const isFine = status === 'running' ? !settled && !answer : answer?.status === status
    if (isFine && byId.has(user_message_id)) return []
    const what = `${byId.has(user_message_id) ? '' : "without its user's message, "}its answer ${answer?.status ?? 'missing'}`
    return [{ rule: 'no-fate', text: `turn ${id} of conversation ${conversation.id} is ${status}, ${what}` }]
  })
}

const strangers = ({ operations, stored }: View): Violation[] =>
  [...stored.values()].flat().flatMap(({ asked, conversation }) => {
    const operation = operations.get(asked.content)
    const isAsked =
      operation?.user === conversation.user_id && [null, conversation.id].includes(operation.conversation)
    if (isAsked) return []
    const where = `message ${asked.id} ("${asked.content}") of conversation ${conversation.id}`
    return [{ rule: 'unknown', text: `${where} was sent to ${operation?.conversation ?? 'nobody'}` }]
  })

/** Each conversation by itself, and that it holds nothing but what was sent. */
export const logs: Check = (view, { settled }) => [
  ...[...view.logs.values()].flatMap((log) => [
    ...gaps(log),
    ...interleaving(log, view),
    ...running(log),
    ...fates(log, settled),
  ]),
  // Before the end the dump is younger than the records.
  ...(settled ? strangers(view) : []),
]
