import { newId } from '../new-id.js'
import { availableTokens, windowSize } from './agent/history-window.js'
import type { Assistants } from './assistants.js'
import { idempotencyOf } from './idempotency.js'
import type { RetentionRule } from './retention-rule.js'
import type { SendMessage, SendResult } from './send.js'
import type { BeginTurn } from './store/begin-turns.js'
import { titleFromMessage } from './titles.js'
import type { TurnLimits } from './types.js'

interface NewTurnOptions extends TurnLimits {
  /** the names of the models that a message may choose, the default first */
  models: readonly [string, ...string[]]
  assistants: Assistants
  systemPrompt: string | undefined
  /** how long conversations are kept; undefined: for ever */
  retention?: RetentionRule | undefined
}

export type Unknown = Extract<SendResult, { kind: 'unknown-model' | 'unknown-assistant' }>

/** Makes the turn of a message, which is then begun; or says what the message asks for in vain. */
export const createNewTurn = (options: NewTurnOptions) => {
  const { models, assistants, leaseMs, historyMessages } = options
  const windowOf = (model: string, message: string) => ({
    model,
    historyTokens: availableTokens(options, model, message),
    windowSize: windowSize(options, model),
  })

  /** The assistant and the model of a conversation that the message begins. */
  const leadOfNew = ({
    assistant: name,
    model,
  }: SendMessage): Pick<BeginTurn, 'assistant' | 'model'> | Unknown => {
    const assistant = assistants.ofNew(name)
    if (assistant === 'unknown')
      return { kind: 'unknown-assistant', known: assistants.listed.map(({ name }) => name) }
    const allowed = assistant?.models ?? models
    if (model !== undefined && !allowed.includes(model)) return { kind: 'unknown-model', known: allowed }
    return { assistant: assistant?.name, model: model ?? allowed[0] }
  }

  return (message: SendMessage): BeginTurn | Unknown => {
    const { userId, conversationId, model, message: text, key } = message
    if (model !== undefined && !models.includes(model)) return { kind: 'unknown-model', known: models }
    const isNew = conversationId === undefined
    const lead = isNew ? leadOfNew(message) : { assistant: message.assistant, model: model ?? models[0] }
    if ('kind' in lead) return lead
    // A key may lead to a conversation that is there already.
    const isOpen = !isNew || key !== undefined
    const choices = isOpen ? assistants.modelsBy(model) : undefined
    return {
      userId,
      conversationId: conversationId ?? newId(),
      isNewConversation: isNew,
      turnId: newId(),
      userMessageId: newId(),
      messageId: newId(),
      message: text,
      title: titleFromMessage(text) || null,
      place: message.place,
      idempotency: idempotencyOf(message),
      limits: message.limits,
      retention: options.retention,
      assistant: lead.assistant,
      ...windowOf(lead.model, text),
      assistants:
        choices &&
        Object.fromEntries(
          Object.entries(choices).map(([name, chosen]) => [
            name,
            chosen === null ? null : windowOf(chosen, text),
          ]),
        ),
      askedModel: model,
      claims: message.claims,
      leaseMs,
      historyMessages,
    }
  }
}
