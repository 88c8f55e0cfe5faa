import type { ConversationRow, Dump, MessageRow, TurnRow } from './dump.js'
import type { Answer, Halt, Read, Record, Run, RunEnd, Send } from './records.js'

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

/** The records and the dump, put beside each other. */
export interface View {
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

export const createView = (records: Record[], dump: Dump): View => {
  const messages = group(dump.messages, ({ conversation_id }) => conversation_id)
  const turns = group(dump.turns, ({ conversation_id }) => conversation_id)
  const byTurn = group(dump.messages, ({ turn_id }) => turn_id ?? '')
  const turnById = new Map(dump.turns.map((turn) => [turn.id, turn]))
  const logs = new Map(
    dump.conversations.map((conversation) => [
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
    operations: operationsOf(records),
    runs: group(
      records.filter((it): it is Run => it.type === 'run'),
      ({ message }) => message,
    ),
    runEnds: new Map(records.flatMap((it) => (it.type === 'run-end' ? [[it.nonce, it]] : []))),
    halts: records.filter((it): it is Halt => it.type === 'halt'),
    reads: records.filter((it): it is Read => it.type === 'read'),
    logs,
    stored: group(exchanges, ({ asked }) => asked.content),
  }
}
