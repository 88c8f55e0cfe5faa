import type { components } from '../../../generated/contract.js'
import type { Check, Context, Judged } from '../check.js'
import { expect, expectEqual } from '../samples.js'

/** White space at both ends, several scripts, and a text that JSON and HTML would escape. */
const oddText = '  \t"Answer" with the one word: yes. <&>\\ Ünï 漢字 👩‍👩‍👧 \u2028 e\u0301\n '

type Message = components['schemas']['Message']

const continues = async (context: Context): Promise<void> => {
  const conversation_id = await context.conversation()
  const path = { conversation_id }
  const answers: Judged[] = []
  for (const message of [oddText, 'And again, the one word: yes'])
    answers.push(await context.call('createTurn', { body: { conversation_id, message }, expect: 200 }))
  const listed = await context.call('listMessages', { path, query: { limit: 100 }, expect: 200 })
  const messages: Message[] = listed.json.data
  const said = messages.filter(({ role }) => role !== 'summary')
  expectEqual(
    said.map(({ id, role, turn_id }) => ({ id, role, turn_id })),
    answers.flatMap(({ json: { turn_id, user_message_id, message_id } }) => [
      { id: user_message_id, role: 'user', turn_id },
      { id: message_id, role: 'assistant', turn_id },
    ]),
    'the list of messages',
    'listMessages: by position',
    listed,
  )
  expectEqual(said[0]?.content, oddText, "the user's message", 'TurnRequest: stored exactly as sent', listed)
  expectEqual(
    said.map(({ parent_id }) => parent_id),
    [null, ...said.slice(0, -1).map(({ id }) => id)],
    'the parents',
    'Message: parent_id',
    listed,
  )
  const rises = messages.every(({ position }, i) => i === 0 || position > (messages[i - 1]?.position ?? 0))
  expect(rises, 'the positions do not rise', 'Message: position', listed)
  for (const { parts, content } of messages) {
    const texts = parts.filter(({ type }) => type === 'text').map(({ text }) => text)
    expectEqual(texts.join(''), content, 'its texts joined', 'Message: parts', listed)
  }
  for (const { json } of answers) await agreesWithRows(context, json, messages)
  const { json } = await context.call('getConversation', { path, expect: 200 })
  expectEqual(json.message_count, messages.length, 'message_count', 'Conversation: message_count', listed)
}

/** An answer of createTurn says what getTurn, getMessage and the lists say. */
const agreesWithRows = async (context: Context, answer: Record<string, unknown>, messages: Message[]) => {
  const ids = answer as Record<string, string>
  const turn = await context.call('getTurn', { path: { turn_id: ids.turn_id ?? '' }, expect: 200 })
  const { id: turn_id, finished_at, error } = turn.json
  const { response, tool_calls, finish_reason } = answer
  expectEqual(turn_id, ids.turn_id, 'the id', 'getTurn 200', turn)
  for (const field of ['conversation_id', 'status', 'user_message_id', 'message_id', 'model', 'usage'])
    expectEqual(turn.json[field], answer[field], field, 'getTurn 200', turn)
  expectEqual([error, finished_at !== null], [null, true], 'error, finished', 'Turn', turn)
  for (const message_id of [ids.user_message_id ?? '', ids.message_id ?? '']) {
    const got = await context.call('getMessage', { path: { message_id }, expect: 200 })
    const listed = messages.find(({ id }) => id === message_id)
    expectEqual(got.json, listed, 'getMessage', 'getMessage: as listMessages gives it', got)
    if (got.json.role !== 'assistant') continue
    const { content, tool_calls: calls, finish_reason: reason } = got.json
    expectEqual(
      [content, calls, reason],
      [response, tool_calls, finish_reason],
      'the message',
      'TurnAnswer',
      got,
    )
  }
  const path = { conversation_id: ids.conversation_id ?? '' }
  const turns = await context.call('listTurns', { path, query: { limit: 100 }, expect: 200 })
  const listed = turns.json.data.find(({ id }: { id: string }) => id === turn_id)
  expectEqual(listed, turn.json, 'the listed turn', 'listTurns: each as getTurn gives it', turns)
}

/** The messages of a conversation. */
export const messageChecks: Check[] = [
  {
    id: 'conversation.continue',
    title: 'a conversation goes on, in order, and every operation says the same of it',
    operation: 'createTurn',
    run: continues,
  },
]
