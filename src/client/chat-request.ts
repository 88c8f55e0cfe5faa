import type { components } from '../../generated/contract.js'
import { storedTurnId } from './messages.js'
import { notSupported } from './problem.js'
import type { ChatRequest, SendOptions } from './sdk.js'

export type TurnRequest = components['schemas']['TurnRequest']

const RESERVED_HEADERS = ['accept', 'authorization', 'content-type', 'idempotency-key', 'last-event-id']

/** Returns the chat's own headers. Throws `not-supported` for options that the server would not receive. */
export const requestHeaders = (
  { headers, body, metadata }: ChatRequest,
  fields: readonly string[] = [],
): Headers => {
  if (metadata !== undefined)
    throw notSupported('`metadata` of a request is not supported: the server does not store it.')
  const unsupported = Object.entries(body ?? {}).filter(
    ([name, value]) => value !== undefined && !fields.includes(name),
  )
  if (unsupported.length > 0) {
    const names = unsupported.map(([name]) => `\`${name}\``).join(', ')
    throw notSupported(
      `${names} in \`body\` is not supported${fields.length > 0 ? '; only `model` and `assistant` are' : ' here'}.`,
    )
  }
  const given = new Headers(headers)
  const reserved = RESERVED_HEADERS.find((name) => given.has(name))
  if (reserved !== undefined) throw notSupported(`The header \`${reserved}\` is set by the transport.`)
  return given
}

/** Builds the request for the message to send. Throws `not-supported` for content that the server would not receive. */
export const toTurnRequest = ({ messages, trigger, body }: SendOptions) => {
  if (messages.some(({ role }) => role === 'system')) {
    throw notSupported(
      'System messages are not supported: the server sets the system prompt (CHAT_SYSTEM_PROMPT).',
    )
  }
  const message =
    trigger === 'submit-message' ? messages.at(-1) : messages.findLast(({ role }) => role === 'user')
  if (message?.role !== 'user') {
    throw notSupported('Only a message of the user can be sent. To retry a failed answer, call regenerate().')
  }
  if (message.metadata !== undefined && storedTurnId(message) === undefined) {
    throw notSupported('`metadata` of a message is not supported: the server does not store it.')
  }
  const unsupported = message.parts.find(({ type }) => type !== 'text')
  if (unsupported) {
    throw notSupported(
      unsupported.type === 'file'
        ? 'Files are not supported: a message is text only.'
        : `Parts of type \`${unsupported.type}\` are not supported: a message is text only.`,
    )
  }
  const text = message.parts.map(({ text }) => text ?? '').join('')
  const { model, assistant } = (body ?? {}) as Pick<TurnRequest, 'model' | 'assistant'>
  return {
    message,
    request: {
      message: text,
      ...(model !== undefined && { model }),
      ...(assistant !== undefined && { assistant }),
    } satisfies TurnRequest,
  }
}
