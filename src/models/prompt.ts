import type { ModelMessage, SystemModelMessage } from 'ai'
import { toModelMessages } from './messages.js'
import type { ModelRequest } from './model.js'
import type { Dialect } from './wire/dialect.js'

interface Prompt {
  system?: SystemModelMessage
  messages: ModelMessage[]
}

/**
 * A request as the SDK's prompt. Where the provider wants marks, it is marked what later requests begin with: the system
 * prompt (and the tools, which come before it), the earlier turns, and all of it, for the next step and the next turn.
 */
export const toPrompt = (
  request: ModelRequest,
  model: string,
  { cacheMark }: Pick<Dialect, 'cacheMark'>,
): Prompt => {
  const { past, current } = toModelMessages(request, model)
  const mark = <Message extends ModelMessage>(message: Message): Message =>
    cacheMark ? { ...message, providerOptions: { ...message.providerOptions, ...cacheMark } } : message
  const markLast = (messages: ModelMessage[]): ModelMessage[] =>
    messages.map((message, n) => (n === messages.length - 1 ? mark(message) : message))
  return {
    ...(request.system !== undefined && { system: mark({ role: 'system', content: request.system }) }),
    messages: [...markLast(past), ...markLast(current)],
  }
}
