import type { ChatRequestOptions, ChatTransport, UIMessage } from 'ai'
import type { components } from '../../generated/contract.js'
import { storedTurnOf } from './messages.js'
import { notSupported } from './problem.js'

type SendOptions = Parameters<ChatTransport<UIMessage>['sendMessages']>[0]
export type TurnRequest = components['schemas']['TurnRequest']

const ownHeaders = ['accept', 'authorization', 'content-type', 'idempotency-key', 'last-event-id']

/** The headers that the chat asks for; throws for everything that would be lost on the way. */
export const headersOf = (
  { headers, body, metadata }: ChatRequestOptions,
  fields: readonly string[] = [],
): Headers => {
  if (metadata !== undefined)
    throw notSupported('`metadata` of a request is not supported: the server keeps none.')
  const foreign = Object.entries(body ?? {}).filter(
    ([name, value]) => value !== undefined && !fields.includes(name),
  )
  if (foreign.length > 0) {
    const names = foreign.map(([name]) => `\`${name}\``).join(', ')
    throw notSupported(
      `${names} in \`body\` is not supported${fields.length > 0 ? '; only `model` is' : ' here'}.`,
    )
  }
  const given = new Headers(headers)
  const own = ownHeaders.find((name) => given.has(name))
  if (own !== undefined) throw notSupported(`The header \`${own}\` is set by the transport.`)
  return given
}

/** The message that is to be sent, and who is to answer it; throws for everything that would be lost on the way. */
export const messageOf = ({ messages, trigger, body }: SendOptions) => {
  if (messages.some(({ role }) => role === 'system')) {
    throw notSupported('System messages are not supported: the server has one, CHAT_SYSTEM_PROMPT.')
  }
  const message =
    trigger === 'submit-message' ? messages.at(-1) : messages.findLast(({ role }) => role === 'user')
  if (message?.role !== 'user') {
    throw notSupported(
      'Only a message of the user can be sent. To try a failed answer again, call regenerate().',
    )
  }
  if (message.metadata !== undefined && storedTurnOf(message) === undefined) {
    throw notSupported('`metadata` of a message is not supported: the server keeps none.')
  }
  const foreign = message.parts.find(({ type }) => type !== 'text')
  if (foreign) {
    throw notSupported(
      foreign.type === 'file'
        ? 'Files are not supported: a message is text alone.'
        : `Parts of type \`${foreign.type}\` are not supported: a message is text alone.`,
    )
  }
  const text = message.parts.map((part) => (part.type === 'text' ? part.text : '')).join('')
  const model = (body as { model?: string } | undefined)?.model
  return {
    message,
    text,
    request: { message: text, ...(model !== undefined && { model }) } satisfies TurnRequest,
  }
}
