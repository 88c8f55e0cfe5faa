import type { components } from '../../generated/closed/contract.js'
import type { Database } from '../db/database.js'
import { isJsonObject, type JsonObject } from '../json-object.js'
import { estimateTokens } from '../turns/agent/history-window.js'
import type { RetentionRule } from '../turns/retention-rule.js'
import { asJson } from '../turns/store/as-json.js'
import { isChatGpt, readChatGpt } from './chatgpt.js'
import { isClaude, readClaude } from './claude.js'
import { createMessageReader, isColloquy, readConversation } from './colloquy.js'
import type { ImportedConversation, ImportedMessage, SkipReason, Source } from './imported.js'
import { splitFile } from './split-file.js'
import { UnreadableFile } from './unreadable-file.js'

type Report = components['schemas']['ImportReport']

/** How much a transaction adds at most: much less than what its time limit allows. */
const batchMessages = 200
const batchCharacters = 1_000_000
/** How much of an expired conversation a transaction removes at most. */
const purgeRows = 5_000

const formatOf = (value: JsonObject): Source | undefined => {
  if (isColloquy(value)) return 'colloquy'
  if (isChatGpt(value)) return 'chatgpt'
  return isClaude(value) ? 'claude' : undefined
}

interface ImportDeps {
  db: Database
  /** how long conversations are kept; undefined: for ever */
  retention: RetentionRule | undefined
}

/** Adds conversations and messages, and counts. */
const createImporter = ({ db, retention }: ImportDeps, userId: string) => {
  const report: Omit<Report, 'source' | 'skipped'> = {
    conversations: { taken: 0, already_there: 0, skipped: 0 },
    messages: { taken: 0, already_there: 0, skipped: 0 },
  }
  const reasons = new Map<SkipReason, number>()

  const skip = (kind: 'conversations' | 'messages', reason: SkipReason): void => {
    report[kind].skipped += 1
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
  }

  const toRow = (message: ImportedMessage, question: string) => ({
    ...message,
    window_tokens: message.role === 'assistant' ? estimateTokens(`${question}${message.content}`) : 0,
  })

  const add = async (conversation: ImportedConversation, rows: readonly object[]) => {
    const [row] = await db.statement(
      (sql) => sql<[{ outcome: 'made' | 'added' | 'foreign' | 'expired'; taken: number }]>`
        select outcome, taken
        from colloquy.import_messages(
          p_user_id => ${userId}, p_conversation => ${asJson(sql, conversation)}, p_messages => ${asJson(sql, rows)},
          p_retention => ${asJson(sql, retention ?? null)})`,
      'others',
      userId,
    )
    return row
  }

  /** Removes an expired conversation, which has vanished already. */
  const purge = async (conversationId: string): Promise<void> => {
    for (;;) {
      const [{ purged }] = await db.statement(
        (sql) => sql<[{ purged: boolean }]>`
          select colloquy.purge_expired(
            p_user_id => ${userId}, p_conversation_id => ${conversationId}, p_rows => ${purgeRows}) as purged`,
        'others',
        userId,
      )
      if (purged) return
    }
  }

  /** Adds some messages of a conversation, the first time with the conversation. */
  const store = async (
    conversation: ImportedConversation,
    messages: ImportedMessage[],
    isFirst: boolean,
  ): Promise<void> => {
    const rows = messages.map((message, at) => toRow(message, messages[at - 1]?.content ?? ''))
    const { outcome, taken } = await add(conversation, rows)
    if (outcome === 'expired') {
      await purge(conversation.id)
      return store(conversation, messages, isFirst)
    }
    if (isFirst) report.conversations[outcome === 'made' ? 'taken' : 'already_there'] += 1
    report.messages.taken += taken
    report.messages.already_there += messages.length - taken
  }

  /** Takes the messages of a conversation one by one, and stores them batch by batch. */
  const open = (conversation: ImportedConversation) => {
    let batch: ImportedMessage[] = []
    let size = 0
    let isFirst = true
    const flush = async () => {
      if (batch.length === 0 && !isFirst) return
      const full = batch
      batch = []
      size = 0
      await store(conversation, full, isFirst)
      isFirst = false
    }
    return {
      id: conversation.id,
      flush,
      async add(message: ImportedMessage): Promise<void> {
        batch.push(message)
        size += message.content.length
        if (batch.length >= batchMessages || size >= batchCharacters) await flush()
      },
    }
  }

  return {
    open,
    skip,
    reportOf: (source: Source): Report => ({
      source,
      ...report,
      skipped: [...reasons].map(([reason, count]) => ({ reason, count })),
    }),
  }
}

type Importer = ReturnType<typeof createImporter>

const importForeign = async (importer: Importer, value: JsonObject, source: Source): Promise<void> => {
  const { conversation, messages, skipped } = source === 'chatgpt' ? readChatGpt(value) : readClaude(value)
  for (const reason of skipped) importer.skip('messages', reason)
  if (messages.length === 0) return importer.skip('conversations', 'no-messages')
  const opened = importer.open(conversation)
  for (const message of messages) await opened.add(message)
  await opened.flush()
}

/** Takes the lines of exportUser: a conversation's messages come after it. */
const createLineImporter = (importer: Importer, isAssistant: (name: string) => boolean) => {
  let opened: ReturnType<Importer['open']> | undefined
  let read = createMessageReader()
  const end = async () => opened?.flush()
  return {
    end,
    async take(line: JsonObject): Promise<void> {
      if (line.type === 'conversation') {
        await end()
        const conversation = readConversation(line, isAssistant)
        opened = conversation && importer.open(conversation)
        read = createMessageReader()
        if (!conversation) importer.skip('conversations', 'unknown-format')
      } else if (line.type === 'message') {
        const { conversation_id } = isJsonObject(line.message) ? line.message : {}
        const message = opened?.id === conversation_id ? read(line) : ('unknown-format' as const)
        if (typeof message === 'string') importer.skip('messages', message)
        else await opened?.add(message)
      }
    },
  }
}

/** Adds what a file has; `isAssistant` tells the assistants that a conversation can go on with. Throws UnreadableFile for one that cannot be read; what came before the fault has been added. */
export const importFile = async (
  deps: ImportDeps,
  userId: string,
  bytes: AsyncIterable<Buffer>,
  isAssistant: (name: string) => boolean,
): Promise<Report> => {
  const importer = createImporter(deps, userId)
  const lines = createLineImporter(importer, isAssistant)
  let source: Source | undefined
  for await (const value of splitFile(bytes)) {
    const object = isJsonObject(value) ? value : {}
    const format = formatOf(object)
    source ??= format
    if (format === 'colloquy') await lines.take(object)
    else if (format) await importForeign(importer, object, format)
    else importer.skip('conversations', 'unknown-format')
  }
  await lines.end()
  if (source) return importer.reportOf(source)
  throw new UnreadableFile(
    'unknown-format',
    'must be an export of this server, of ChatGPT or of Claude (conversations.json)',
  )
}
