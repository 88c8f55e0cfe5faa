import { deepEqual, equal, ok } from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GeneratedClient, Streamed } from './generated-client.js'

/** What came of calling a client's operations. */
export interface Outcome {
  /** what went wrong, by the step's name */
  failures: Record<string, string>
  /** what its streams gave */
  streams: 'events' | 'bytes' | 'text' | 'no'
  /** whether its listConversations can be asked for a pair of metadata, which is a `deepObject` */
  filters: boolean
}

/** The message makes the model of server.ts call a tool, and `slowly` one that answers until it is cancelled. */
const calls = 'add_task {"title":"Buy milk"}'
const slow = 'slowly'
/** Some clients send a stream's request only when it is read, and none tells that it has been answered. */
const attachMs = 1_000
const missing = '019a0c4e-7b7a-7c12-8a44-0b1c2d3e4f50'

const kindOf = (stream: Streamed): Outcome['streams'] => {
  if (typeof stream === 'string') return 'text'
  return stream instanceof ReadableStream ? 'bytes' : 'events'
}

/** Reads a stream to its end and gives all of it as text. */
const read = async (stream: Streamed): Promise<string> => {
  if (typeof stream === 'string') return stream
  if (stream instanceof ReadableStream) return new Response(stream).text()
  let text = ''
  for await (const event of stream) text += `${JSON.stringify(event)}\n`
  return text
}

const untilRunning = async (client: GeneratedClient, conversation: string): Promise<string> => {
  for (let attempt = 0; attempt < 200; attempt++) {
    const { running_turn_id } = await client.getConversation(conversation)
    if (running_turn_id !== null) return running_turn_id
    await sleep(50)
  }
  throw new Error('no turn began to run')
}

/** Calls every operation and looks at what it gives. A step that fails does not keep the others from being made. */
export const runScenario = async (client: GeneratedClient): Promise<Outcome> => {
  const outcome: Outcome = { failures: {}, streams: 'no', filters: false }
  const step = async (name: string, run: () => Promise<void>): Promise<void> => {
    await run().catch((error: unknown) => {
      const text = error instanceof Error ? `${error.name}: ${error.message}` : JSON.stringify(error)
      outcome.failures[name] = text.replace(/\s+/g, ' ').slice(0, 300)
    })
  }

  const turn = await client.createTurn({ message: calls }, randomUUID())
  const { conversation_id, turn_id, message_id } = turn

  await step('getTurn', async () => equal((await client.getTurn(turn_id)).id, turn_id))
  await step('listTurns', async () => equal((await client.listTurns(conversation_id)).data[0]?.id, turn_id))
  await step('listMessages', async () => {
    const { data } = await client.listMessages(conversation_id)
    deepEqual(
      data.map(({ tool_calls }) => tool_calls.length),
      [0, 1],
    )
  })
  await step('getMessage', async () => {
    const message = await client.getMessage(message_id)
    equal(message.id, message_id)
    ok(message.parts.every(({ type }) => type !== ''))
  })
  await step('rateMessage', async () =>
    equal((await client.rateMessage(message_id, 'Right')).comment, 'Right'),
  )
  await step('conversations', async () => {
    const { id } = await client.createConversation('Groceries', { project: 'kitchen', draft: 'yes' })
    const { metadata } = await client.updateConversation(id, { draft: null, list: 'food' })
    deepEqual(metadata, { project: 'kitchen', list: 'food' })
    const { data } = await client.listConversations()
    equal(data.length, 2)
    outcome.filters = await client.listConversations({ project: 'kitchen' }).then(
      (found) => found.data.length === 1 && found.data[0]?.id === id,
      () => false,
    )
    await client.deleteConversation(id)
  })
  await step('listAssistants', async () => deepEqual((await client.listAssistants()).data, []))
  await step('listModels', async () => equal((await client.listModels()).data[0]?.is_default, true))
  await step('listUsage', async () => equal((await client.listUsage('2026-01-01')).data[0]?.turns, 1))
  await step('searchMessages', async () => {
    const { data } = await client.searchMessages('buy milk')
    ok(data.some(({ message_id, highlights }) => message_id !== null && highlights.length > 0))
  })
  await step('forkConversation', async () => {
    const { id, message_count } = await client.forkConversation(conversation_id, message_id)
    equal(message_count, 2)
    await client.deleteConversation(id)
  })
  await step('getLiveness', async () => ok((await client.getLiveness()).status !== ''))
  await step('getReadiness', async () => ok((await client.getReadiness()).status !== ''))
  await step('getToolKeys', async () => equal((await client.getToolKeys()).keys.length, 1))
  await step('refused', async () => {
    const { code, status } = await client.refused(missing)
    equal(status, 404)
    ok(code !== '')
  })
  await step('cancelTurn', async () => {
    const running = client.createTurn({ message: slow, conversation_id }, randomUUID())
    const id = await untilRunning(client, conversation_id)
    const stream = client.streams?.streamConversation(conversation_id).then(read)
    // It is read meanwhile, and its failure looked at below.
    stream?.catch(() => {})
    await sleep(attachMs)
    equal((await client.cancelTurn(id)).id, id)
    equal((await running).turn_id, id)
    if (stream) ok((await stream).includes('abort'), 'abort')
  })
  const { streams } = client
  if (streams) {
    await step('streamNewTurn', async () => {
      const stream = await streams.streamNewTurn({ message: calls, conversation_id }, randomUUID())
      outcome.streams = kindOf(stream)
      const text = await read(stream)
      for (const type of ['data-turn', 'text-delta', 'tool-output-available', 'finish'])
        ok(text.includes(type), type)
    })
    await step('streamTurn', async () =>
      ok((await read(await streams.streamTurn(turn_id))).includes('finish')),
    )
    await step('streamUpdates', async () => ok((await read(await streams.streamUpdates())).includes('ready')))
  }
  await step('exportConversation', async () => {
    ok(await client.exportConversation(conversation_id))
  })
  await step('eraseUser', async () => {
    equal((await client.eraseUser()).rows.conversations, 1)
    equal((await client.listConversations()).data.length, 0)
  })
  return outcome
}
