import type { Handler } from '../http/handler.js'
import { TextStream } from '../http/text-stream.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import {
  type ExportedConversation,
  type ExportedMessage,
  openLog,
  readConversations,
  readMessages,
} from './export-pages.js'
import { headingOf, sectionOf } from './markdown.js'

type Pages = AsyncIterable<ExportedMessage[]>

async function* toJson(conversation: ExportedConversation, pages: Pages): AsyncGenerator<string> {
  let separator = `{"conversation":${JSON.stringify(conversation)},"messages":[`
  for await (const page of pages) {
    yield separator + page.map(({ message }) => JSON.stringify(message)).join(',')
    separator = ','
  }
  yield `${separator === ',' ? '' : separator}]}`
}

async function* toMarkdown(conversation: ExportedConversation, pages: Pages): AsyncGenerator<string> {
  yield headingOf(conversation)
  for await (const page of pages) yield page.map(({ message }) => sectionOf(message)).join('')
}

export const exportConversation =
  ({ readsAfter }: Deps): Handler<'exportConversation'> =>
  async ({ params, query, user }, reply) => {
    const id = params.conversation_id
    const log = await openLog(readsAfter, user.id)
    const [conversation] = await readConversations(log, { only: id }, 1)
    if (!conversation) return problem('conversation-not-found')
    const pages = readMessages(log, { conversationId: id, position: 0 }, id)
    const isMarkdown = query.format === 'markdown'
    const body = isMarkdown
      ? new TextStream('text/markdown', toMarkdown(conversation, pages))
      : new TextStream('application/json', toJson(conversation, pages))
    const name = `colloquy-${id}.${isMarkdown ? 'md' : 'json'}`
    return reply(200, body, { 'content-disposition': `attachment; filename="${name}"` })
  }
