import fc from 'fast-check'
import type { Operation } from '../contract.js'
import { beginsTurn } from '../samples.js'
import type { BrokenRequest, Draft } from './request.js'

type Breaks = (valid: fc.Arbitrary<Draft>) => fc.Arbitrary<Draft>

interface Rule {
  operations: (operation: Operation) => boolean
  at: string
  rule: string
  /** the contract's own words */
  sentence: string
  breaks: Breaks
}

const hasQuery =
  (...names: string[]) =>
  ({ parameters }: Operation): boolean =>
    names.every((name) => parameters.some((parameter) => parameter.name === name))
const isOneOf =
  (...ids: string[]) =>
  ({ id }: Operation): boolean =>
    ids.includes(id)

const withPairs =
  (pairs: fc.Arbitrary<[string, string][]>): Breaks =>
  (valid) =>
    fc.tuple(valid, pairs).map(([draft, more]) => ({
      ...draft,
      query: [...draft.query.filter(([name]) => !more.some(([other]) => other === name)), ...more],
    }))

const withField =
  (name: string, value: fc.Arbitrary<unknown>): Breaks =>
  (valid) =>
    fc
      .tuple(valid, value)
      .map(([draft, wrong]) => ({ ...draft, body: { ...(draft.body as object), [name]: wrong } }))

const digits = fc.stringMatching(/^[A-Za-z0-9_-]{4,40}$/)

/** What the contract forbids in words, since its schemas cannot say it. A request that breaks one of these is 422. */
const rules: Rule[] = [
  {
    operations: hasQuery('cursor'),
    at: '/query/cursor',
    rule: 'opaque',
    sentence: 'The `next_cursor` of the page before. Opaque; a changed one is `422`.',
    breaks: withPairs(
      fc
        .oneof(
          digits,
          fc.tuple(digits, digits).map((parts) => parts.join('.')),
        )
        .map((text) => [['cursor', text]]),
    ),
  },
  {
    operations: hasQuery('first_day', 'last_day'),
    at: '/query/last_day',
    rule: 'order',
    sentence: 'The last that counts; not before `first_day`.',
    breaks: withPairs(
      fc.integer({ min: 1_000, max: 2_998 }).map((year) => [
        ['first_day', `${year + 1}-01-01`],
        ['last_day', `${year}-12-31`],
      ]),
    ),
  },
  {
    operations: beginsTurn,
    at: '/body/model',
    rule: 'allowed',
    sentence: 'Who answers, one of those that the server allows.',
    breaks: withField(
      'model',
      digits.map((text) => `no-such-provider/${text}`),
    ),
  },
  {
    operations: beginsTurn,
    at: '/body/assistant',
    rule: 'listed',
    sentence: 'What the new conversation begins with, one of listAssistants.',
    breaks: withField(
      'assistant',
      digits.map((text) => `no-such-${text}`),
    ),
  },
  {
    operations: beginsTurn,
    at: '/body/message',
    rule: 'required',
    sentence: 'It has a `message`, or `regenerate`.',
    breaks: withField('message', fc.constant(undefined)),
  },
  {
    operations: isOneOf('updateConversation'),
    at: '/body/metadata',
    rule: 'pairs-afterwards',
    sentence: 'At most 16 pairs may be there afterwards.',
    breaks: withField(
      'metadata',
      fc
        .integer({ min: 17, max: 32 })
        .map((count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`key-${at}`, 'x']))),
    ),
  },
]

const MAX_PAIRS = 16

/** Whether a request that its schemas allow breaks none of these rules, in a conversation that has one pair of metadata. */
export const isAllowed = (operation: Operation, { body }: Draft): boolean => {
  // Branches and assistants are checked by hand: see `checks/branches.ts` and `checks/assistants.ts`.
  if ((body as { assistant?: string } | undefined)?.assistant !== undefined) return false
  if (beginsTurn(operation)) {
    const { message, regenerate } = body as { message?: string; regenerate?: string }
    return message !== undefined && regenerate === undefined
  }
  if (operation.id !== 'updateConversation') return true
  const { metadata = {}, active_message_id } = body as { metadata?: object; active_message_id?: string }
  if (active_message_id !== undefined) return false
  return Object.values(metadata).filter((value) => value !== null).length < MAX_PAIRS
}

export const beyondSchema = (operation: Operation, valid: fc.Arbitrary<Draft>): BrokenRequest[] =>
  rules
    .filter(({ operations }) => operations(operation))
    .map(({ breaks, at, rule, sentence }) => ({ at, rule, sentence, statuses: [422], draft: breaks(valid) }))

const modelFailed =
  'the message and the failed turn, with the text that came before, stay in the conversation and the problem carries'

/** Why a request that its schemas allow, and whose rows exist, may be refused all the same. */
export const mayBeRefused: {
  status: number
  sentence: string
  operations: (operation: Operation) => boolean
}[] = [
  ...[502, 503, 504].map((status) => ({ status, sentence: modelFailed, operations: beginsTurn })),
  { status: 409, sentence: 'A second message waits for its turn, up to a bound', operations: beginsTurn },
]
