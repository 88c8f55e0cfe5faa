import { answerOf } from './answers.js'
import type { ConversationRow, Dump, MessageRow, TurnRow } from './dump.js'
import type { Answer, Record as Entry, Read, Run, Send } from './records.js'

/** A small history, made by hand, for tests to break. */
export interface World {
  records: Entry[]
  dump: Dump
  settled: boolean
}

export const conversation: ConversationRow = {
  user_id: 'ada',
  id: 'C',
  last_position: 6,
  last_turn_id: 't3',
}

/** The rows of one turn: a question and its answer, at `position` and the next. */
export const exchange = (n: number, status: string, content: string) => {
  const position = 2 * n - 1
  const turn: TurnRow = {
    id: `t${n}`,
    conversation_id: 'C',
    status,
    attempt: n === 2 ? 2 : 1,
    user_message_id: `u${n}`,
    message_id: `a${n}`,
  }
  const common = { conversation_id: 'C', turn_id: `t${n}` }
  const asked: MessageRow = {
    ...common,
    id: `u${n}`,
    parent_id: n === 1 ? null : `a${n - 1}`,
    position,
    role: 'user',
    status: 'completed',
    content: `m${n}`,
  }
  const answer: MessageRow = {
    ...common,
    id: `a${n}`,
    parent_id: `u${n}`,
    position: position + 1,
    role: 'assistant',
    status,
    content,
  }
  return { turn, messages: [asked, answer] }
}

export const send = (at: number, request: string, n: number, changes: Partial<Send> = {}): Send => ({
  type: 'send',
  at,
  request,
  user: 'ada',
  key: n === 3 ? null : `k${n}`,
  conversation: n === 1 ? null : 'C',
  message: `m${n}`,
  ...changes,
})
export const answered = (
  at: number,
  request: string,
  n: number,
  response: string,
  replayed = false,
): Answer => ({
  type: 'answer',
  as: 'json',
  at,
  request,
  status: 200,
  replayed,
  body: {
    conversation_id: 'C',
    turn_id: `t${n}`,
    user_message_id: `u${n}`,
    message_id: `a${n}`,
    status: 'completed',
    response,
  },
})
export const problem = (
  at: number,
  request: string,
  status: number,
  code: string,
  turn_id?: string,
): Answer => ({
  type: 'answer',
  as: 'json',
  at,
  request,
  status,
  replayed: false,
  body: { code, ...(turn_id && { turn_id }) } as Answer['body'],
})
export const ran = (nonce: string, message: string, history: Run['history']): Run => ({
  type: 'run',
  at: 0,
  nonce,
  message,
  history,
})
export const first = { user: 'm1', assistant: answerOf('x1', 'm1') }

/**
 * Three turns: one that completed and was replayed, one that failed twice and was told so each time, and one without
 * a key that was cancelled; and a read of them.
 */
export const world = (): World => {
  const turns = [
    exchange(1, 'completed', first.assistant),
    exchange(2, 'failed', ''),
    exchange(3, 'cancelled', answerOf('x4', 'm3').slice(0, 3)),
  ]
  return {
    settled: true,
    dump: {
      users: [],
      conversations: [{ ...conversation }],
      turns: turns.map(({ turn }) => turn),
      messages: turns.flatMap(({ messages }) => messages),
      deadlocks: 0,
    },
    records: [
      send(10, 'r1', 1),
      answered(20, 'r1', 1, first.assistant),
      send(30, 'r2', 1),
      answered(40, 'r2', 1, first.assistant, true),
      send(50, 'r3', 2),
      problem(60, 'r3', 502, 'model-failed', 't2'),
      send(70, 'r4', 2),
      problem(80, 'r4', 502, 'model-failed', 't2'),
      send(85, 'r5', 3),
      {
        ...answered(90, 'r5', 3, 'x4 '),
        body: { ...answered(0, '', 3, 'x4 ').body, status: 'cancelled' },
      },
      { type: 'read', at: 95, user: 'ada', conversation: 'C', messages: [{ id: 'a3', position: 6 }] },
      ran('x1', 'm1', []),
      ran('x2', 'm2', [first]),
      ran('x3', 'm2', [first]),
      ran('x4', 'm3', [first]),
    ],
  }
}

/** The last row or record that fits, to be changed. */
const of = <T>(items: T[], fits: (item: T) => boolean): T => {
  const item = items.findLast(fits)
  if (!item) throw new Error('there is none')
  return item
}
export const message = ({ dump }: World, id: string) => of(dump.messages, (it) => it.id === id)
export const turn = ({ dump }: World, id: string) => of(dump.turns, (it) => it.id === id)
export const the = ({ dump }: World) => of(dump.conversations, () => true)
export const answer = ({ records }: World, request: string) =>
  of(records, (it) => it.type === 'answer' && it.request === request) as Answer
export const sent = ({ records }: World, request: string) =>
  of(records, (it) => it.type === 'send' && it.request === request) as Send
export const run = ({ records }: World, nonce: string) =>
  of(records, (it) => it.type === 'run' && it.nonce === nonce) as Run
export const read = ({ records }: World) => of(records, (it) => it.type === 'read') as Read

/** Takes the third turn away, with all that was recorded of it. */
export const withoutThird = (it: World): void => {
  it.dump.turns = it.dump.turns.filter(({ id }) => id !== 't3')
  it.dump.messages = it.dump.messages.filter(({ turn_id }) => turn_id !== 't3')
  it.records = it.records.filter((record) => !/"(r5|x4|a3)"/.test(JSON.stringify(record)))
  Object.assign(the(it), { last_position: 4, last_turn_id: 't2' })
}
/** Its third turn still runs. */
export const running = (it: World): void => {
  it.settled = false
  turn(it, 't3').status = 'running'
  it.dump.messages = it.dump.messages.filter(({ id }) => id !== 'a3')
  it.records = it.records.filter(
    ({ type, ...record }) => !(type === 'answer' && 'request' in record && record.request === 'r5'),
  )
  read(it).messages = []
}

/** A request that was never answered. */
export const withoutAnswer = (it: World, request: string): void => {
  it.records = it.records.filter((record) => !(record.type === 'answer' && record.request === request))
}
