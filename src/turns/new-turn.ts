import type { Model } from '../models/model.js'
import { newId } from '../new-id.js'
import { availableTokens, windowSize } from './agent/history-window.js'
import type { Assistants } from './assistants.js'
import { type BudgetOptions, reservationFor } from './budget.js'
import { idempotencyOf } from './idempotency.js'
import { hasBudget, type TotalBudget } from './limits.js'
import type { RetentionRule } from './retention-rule.js'
import type { SendMessage, SendResult } from './send.js'
import type { BeginTurn } from './store/begin-turns.js'
import { titleFromMessage } from './titles.js'
import type { TurnLimits } from './types.js'

interface NewTurnOptions extends TurnLimits, Omit<BudgetOptions, 'systemPrompt'> {
  /** the names of the models that a message may choose, the default first */
  models: readonly [string, ...string[]]
  modelOf: (name: string) => Model
  assistants: Assistants
  systemPrompt: string | undefined
  /** how long conversations are kept; undefined: for ever */
  retention?: RetentionRule | undefined
  /** what all users together may spend; undefined: as much as they like */
  totalBudget?: TotalBudget | undefined
}

export type Unknown = Extract<SendResult, { kind: 'unknown-model' | 'unknown-assistant' }>

/** Makes the turn of a message, which is then begun; or says what the message asks for in vain. */
export const createNewTurn = (options: NewTurnOptions) => {
  const { models, modelOf, assistants, leaseMs, historyMessages } = options
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

  /** What it reserves of the budgets: enough for whatever assistant its conversation turns out to have. */
  const reservationOf = (turn: BeginTurn): number => {
    const known = Object.entries(turn.assistants ?? {}).filter(([, choice]) => choice !== null)
    const own = assistants.get(turn.assistant ?? '')?.name ?? null
    const leads = [own, ...known.map(([name]) => name)].map((name) =>
      assistants.lead(name, turn.askedModel, { userId: turn.userId, claims: turn.claims ?? {} }),
    )
    return Math.max(
      ...leads.map(({ system, model }) =>
        reservationFor({ ...options, systemPrompt: system }, modelOf(model), turn),
      ),
    )
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
    const turn: BeginTurn = {
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
      totalBudget: options.totalBudget,
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
    if (hasBudget(turn.limits ?? {}) || options.totalBudget) turn.reserved = reservationOf(turn)
    return turn
  }
}
