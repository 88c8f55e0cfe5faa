import type { ConversationRow, Dump, MessageRow, TurnRow, UserRow } from './dump.js'
import type { Answer, Gone, Halt, Leave, Read, Record, Run, RunEnd, Send } from './records.js'

/** All requests for one message, with what was answered. */
export interface Operation extends Pick<Send, 'user' | 'key' | 'conversation' | 'parent' | 'message'> {
  requests: { sent: Send; answer: Answer | undefined }[]
}

/** A user's message in the database, with the end of its turn where it has one. */
export interface Exchange {
  conversation: ConversationRow
  asked: MessageRow
  turn: TurnRow | undefined
  answer: MessageRow | undefined
}

export interface Log {
  conversation: ConversationRow
  messages: MessageRow[]
  turns: TurnRow[]
}

/** That something of a conversation was shown to who asked then. */
export interface Sighting {
  at: number
  conversation: string
  what: string
}

/**
 * The records and the dump, put beside each other, without the conversations that somebody wanted to be gone, of which but few
 * things can be said.
 */
export interface View {
  users: UserRow[]
  /** those who wanted a conversation to be gone */
  leavers: Set<string>
  /** from when on nothing of a conversation is to be seen */
  gone: Map<string, number>
  sightings: Sighting[]
  /** messages that may have gone with their conversation */
  mayBeGone: Set<string>
  operations: Map<string, Operation>
  runs: Map<string, Run[]>
  /** by nonce; none of a run whose server was killed */
  runEnds: Map<string, RunEnd>
  halts: Halt[]
  reads: Read[]
  logs: Map<string, Log>
  /** by message; more than one is a violation */
  stored: Map<string, Exchange[]>
}

export const isRunning = ({ status }: TurnRow): boolean => status === 'running'

const group = <T>(items: T[], by: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const found = groups.get(by(item))
    if (found) found.push(item)
    else groups.set(by(item), [item])
  }
  return groups
}

const operationsOf = (records: Record[]): Map<string, Operation> => {
  const answers = new Map(
    records.filter(({ type }) => type === 'answer').map((it) => [(it as Answer).request, it]),
  )
  const sends = records.filter((it): it is Send => it.type === 'send')
  return new Map(
    [...group(sends, ({ message }) => message)].map(([message, all]) => {
      const { user, key, conversation, parent } = all[0] as Send
      const requests = all.map((sent) => ({ sent, answer: answers.get(sent.request) as Answer | undefined }))
      return [
        message,
        { message, user, key, conversation, ...(parent !== undefined && { parent }), requests },
      ]
    }),
  )
}

/** A later expiry takes the place of an earlier one, and of one that was not acknowledged it is not known whether it did. */
const goneOf = (leaves: Leave[], all: Gone[]): Map<string, number> => {
  const gone = new Map<string, number>()
  for (const [conversation, mine] of group(all, ({ conversation }) => conversation)) {
    const deleted = mine.filter(({ how }) => how === 'delete').map(({ from }) => from)
    const expired = mine.filter(({ how }) => how === 'expire').map(({ from }) => from)
    const asked = leaves.filter((it) => it.conversation === conversation && it.how === 'expire')
    const known = asked.length === expired.length && expired.length > 0 ? [Math.max(...expired)] : []
    const times = [...deleted, ...known]
    if (times.length > 0) gone.set(conversation, Math.min(...times))
  }
  return gone
}

const sightingsOf = (records: Record[], operations: Iterable<Operation>): Sighting[] => [
  ...records.flatMap((it) => {
    if (it.type === 'read')
      return [{ at: it.at, conversation: it.conversation, what: 'its messages were read' }]
    if (it.type !== 'list') return []
    return it.conversations.map((conversation) => ({ at: it.at, conversation, what: 'it was listed' }))
  }),
  ...[...operations].flatMap(({ message, requests }) =>
    requests.flatMap(({ sent, answer }) => {
      const conversation = answer?.status === 200 ? answer.body.conversation_id : undefined
      return conversation ? [{ at: sent.at, conversation, what: `${message} was sent to it` }] : []
    }),
  ),
]

export const createView = (records: Record[], dump: Dump): View => {
  const leaves = records.filter((it): it is Leave => it.type === 'leave')
  const left = new Set(leaves.map(({ conversation }) => conversation))
  const all = operationsOf(records)
  const leavers = new Set(leaves.map(({ user }) => user))
  const operations = new Map(
    [...all].filter(
      ([, { conversation, requests }]) =>
        !left.has(conversation ?? '') &&
        !requests.some(({ answer }) => left.has(answer?.body.conversation_id ?? '')),
    ),
  )
  const messages = group(dump.messages, ({ conversation_id }) => conversation_id)
  const turns = group(dump.turns, ({ conversation_id }) => conversation_id)
  const byTurn = group(dump.messages, ({ turn_id }) => turn_id ?? '')
  const turnById = new Map(dump.turns.map((turn) => [turn.id, turn]))
  const kept = dump.conversations.filter(({ id }) => !left.has(id))
  const logs = new Map(
    kept.map((conversation) => [
      conversation.id,
      {
        conversation,
        messages: messages.get(conversation.id) ?? [],
        turns: turns.get(conversation.id) ?? [],
      },
    ]),
  )
  const exchanges = [...logs.values()].flatMap(({ conversation, messages }) =>
    messages
      .filter(({ role }) => role === 'user')
      .map((asked) => ({
        conversation,
        asked,
        turn: turnById.get(asked.turn_id ?? ''),
        answer: byTurn.get(asked.turn_id ?? '')?.find(({ role }) => role === 'assistant'),
      })),
  )
  return {
    users: dump.users,
    leavers,
    mayBeGone: new Set(
      [...all.values()]
        .filter(({ message, user, conversation, requests }) => {
          const isUntold = !requests.some(({ answer }) => answer?.body.conversation_id)
          return !operations.has(message) || (conversation === null && leavers.has(user) && isUntold)
        })
        .map(({ message }) => message),
    ),
    gone: goneOf(
      leaves,
      records.filter((it): it is Gone => it.type === 'gone'),
    ),
    sightings: sightingsOf(records, all.values()),
    operations,
    runs: group(
      records.filter((it): it is Run => it.type === 'run'),
      ({ message }) => message,
    ),
    runEnds: new Map(records.flatMap((it) => (it.type === 'run-end' ? [[it.nonce, it]] : []))),
    halts: records.filter((it): it is Halt => it.type === 'halt'),
    reads: records.filter((it): it is Read => it.type === 'read' && !left.has(it.conversation)),
    logs,
    stored: group(exchanges, ({ asked }) => asked.content),
  }
}
