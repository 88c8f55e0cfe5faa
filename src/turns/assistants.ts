import type { Model } from '../models/model.js'

/** What the operator has configured a conversation to be led with. */
export interface Assistant {
  name: string
  /** for people */
  title: string
  description: string | null
  /** with placeholders; see renderPrompt. undefined: the general system prompt */
  systemPrompt: string | undefined
  /** the models that a message may ask for; the first one answers when it asks for none */
  models: readonly [string, ...string[]]
  /** the tools that the model gets, as ToolRegistry.open takes them; undefined: all */
  tools: readonly string[] | undefined
  /** undefined: the general temperature */
  temperature: number | undefined
  /** the assistant of new conversations that name none */
  isDefault: boolean
  /** no new conversation begins with it */
  isRetired: boolean
}

/** `{{name}}`, an opening without an end, and `\{{`, which stands for `{{` itself. */
const placeholders = /\\\{\{|\{\{(?:([^{}]*)\}\})?/g

/** What stands in a prompt for a claim that the token does not have, or has as something else than text. */
const missing = 'unknown'
/** in code points */
const maxClaimLength = 200
/** One of which a prompt gets as many bytes as of none. */
export const longestClaim = '\u{1F4B0}'.repeat(maxClaimLength)

/** The names in a template's placeholders, in order; undefined for an opening that has no end. */
export const placeholdersOf = (template: string): (string | undefined)[] =>
  [...template.matchAll(placeholders)].flatMap(([text, name]) => (text === '\\{{' ? [] : [name?.trim()]))

const toText = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
  return isList ? value.join(', ') : undefined
}

/** Signs that end quotes and tags, and what stands for them. */
const harmless: Record<string, string> = { '"': "'", '<': '‹', '>': '›' }

/**
 * A claim as a piece of a prompt. Users may have written it, in a profile say: it is one line without invisible characters, is bounded,
 * and ends neither the quotes nor the tag that the prompt has around it.
 */
export const claimText = (value: unknown): string => {
  const line = (toText(value) ?? '')
    // Far more than is kept.
    .slice(0, 4_000)
    .toWellFormed()
    .replace(/[\s\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/\p{C}/gu, '')
    .replace(/["<>]/g, (sign) => harmless[sign] ?? '')
    .trim()
  return [...line].slice(0, maxClaimLength).join('').trim() || missing
}

export interface PromptValues {
  userId: string
  claims: Readonly<Record<string, unknown>>
  now: Date
}

/** Fills in `{{user_id}}`, `{{date}}` (the day in UTC, so that a prompt stays in the providers' caches) and `{{claims.NAME}}`. */
export const renderPrompt = (template: string, { userId, claims, now }: PromptValues): string =>
  template.replace(placeholders, (text, raw?: string) => {
    if (text === '\\{{') return '{{'
    const name = raw?.trim() ?? ''
    if (name === 'user_id') return userId
    if (name === 'date') return now.toISOString().slice(0, 10)
    const claim = name.slice('claims.'.length)
    return claimText(Object.hasOwn(claims, claim) ? claims[claim] : undefined)
  })

/** What leads an attempt. */
export interface Lead {
  system: string | undefined
  temperature: number | undefined
  tools: readonly string[] | undefined
  /** the model, or chain of models, that is asked for */
  model: string
}

/** Which model a message in a conversation of an assistant asks for; null when it asks for one that the assistant does not allow. */
export type ModelsByAssistant = Record<string, string | null>

export interface Assistants {
  /** those that a new conversation may begin with, the default first if there is one */
  listed: readonly Assistant[]
  get(name: string): Assistant | undefined
  /** the assistant of a new conversation; `unknown` when it cannot have the one that is asked for */
  ofNew(asked: string | undefined): Assistant | undefined | 'unknown'
  /** undefined when there are no assistants */
  modelsBy(asked: string | undefined): ModelsByAssistant | undefined
  /** what leads an attempt in a conversation of this assistant, or of none */
  lead(assistant: string | null, asked: string | undefined, values: Omit<PromptValues, 'now'>): Lead
}

interface AssistantsOptions {
  assistants?: readonly Assistant[] | undefined
  /** the default model */
  model: Pick<Model, 'name'>
  systemPrompt: string | undefined
  now?: (() => Date) | undefined
}

export const createAssistants = (options: AssistantsOptions): Assistants => {
  const { assistants = [], model, systemPrompt, now = () => new Date() } = options
  const byName = new Map(assistants.map((assistant) => [assistant.name, assistant]))
  const listed = assistants
    .filter(({ isRetired }) => !isRetired)
    .sort((a, b) => Number(b.isDefault) - Number(a.isDefault))
  const usual = listed.find(({ isDefault }) => isDefault)

  return {
    listed,
    get: (name) => byName.get(name),
    ofNew(asked) {
      if (asked === undefined) return usual
      return listed.find(({ name }) => name === asked) ?? 'unknown'
    },
    modelsBy(asked) {
      if (byName.size === 0) return undefined
      return Object.fromEntries(
        assistants.map(({ name, models }) => {
          const isAllowed = asked === undefined || models.includes(asked)
          return [name, isAllowed ? (asked ?? models[0]) : null]
        }),
      )
    },
    lead(name, asked, values) {
      if (name === null) {
        return { system: systemPrompt, temperature: undefined, tools: undefined, model: asked ?? model.name }
      }
      const assistant = byName.get(name)
      // begin_turns lets no turn begin for an assistant that it is not told of.
      if (!assistant) throw new Error('the assistant of the conversation is not configured')
      const { systemPrompt: template, temperature, tools, models } = assistant
      const system = template === undefined ? systemPrompt : renderPrompt(template, { ...values, now: now() })
      return { system, temperature, tools, model: asked ?? models[0] }
    },
  }
}
