import type { components } from '../../../generated/contract.js'
import type { Part } from './answer.js'
import type { Failure } from './failure.js'

type Schemas = components['schemas']
export type Conversation = Schemas['Conversation']
export type Message = Schemas['Message']
export type Assistant = Schemas['Assistant']
export type AvailableModel = Schemas['AvailableModel']
export type SearchResult = Schemas['SearchResult']
export type TurnRequest = Schemas['TurnRequest']

/** What is asked for and comes in pages. */
export interface Loading {
  status: 'idle' | 'loading' | 'ready' | 'failed'
  failure?: Failure | undefined
  /** the next page's cursor; null when there is none */
  next: string | null
}

/** A turn as far as this page has seen it, until what is stored of it takes its place. */
export interface LiveTurn {
  /** names it before the server does */
  key: string
  phase: 'sending' | 'answering' | 'stopping' | 'ended' | 'failed'
  /** what was sent, which may be sent again with the same Idempotency-Key; absent when another page has sent it */
  request?: TurnRequest | undefined
  /** The message that the turn follows: what stands behind it belongs to another branch. Undefined: all of them are shown. */
  after?: string | null | undefined
  turnId?: string | undefined
  questionId?: string | undefined
  answerId?: string | undefined
  parts: readonly Part[]
  failure?: Failure | undefined
}

/** A conversation's messages: the newest ones of its active branch, oldest first. */
export interface Thread extends Loading {
  messages: readonly Message[]
  live?: LiveTurn | undefined
}

export interface Search extends Loading {
  query: string
  results: readonly SearchResult[]
  isComplete: boolean
}

export interface Notice {
  id: number
  text: string
  kind: 'done' | 'failed'
}

export interface State {
  /** the conversation that is shown; one that has not begun has an id of this page's own */
  open: string
  /** the message to show first, from a search result */
  target?: string | undefined
  conversations: Readonly<Record<string, Conversation>>
  lists: { active: Loading; archived: Loading }
  threads: Readonly<Record<string, Thread>>
  /** what was typed and not sent, by conversation */
  drafts: Readonly<Record<string, string>>
  search: Search
  models: readonly AvailableModel[]
  assistants: readonly Assistant[]
  /** chosen for the next message; undefined: the server's choice */
  model?: string | undefined
  /** chosen for a new conversation */
  assistant?: string | undefined
  isOffline: boolean
  /** why nothing can be done until the user has signed in */
  signedOut?: Failure | undefined
  /** why no message can be sent for a while */
  limit?: Failure | undefined
  notice?: Notice | undefined
}

const idle: Loading = { status: 'idle', next: null }

export const emptyThread: Thread = { ...idle, status: 'ready', messages: [] }
export const emptySearch: Search = { ...idle, query: '', results: [], isComplete: true }

/** The id of a conversation that has not begun. */
export const newDraftId = (): string => `draft-${Math.random()}`
export const isDraft = (id: string): boolean => id.startsWith('draft-')

/** A message that could not be sent: it is nowhere but on this page. */
export const unsentText = (live: LiveTurn | undefined): string | undefined =>
  live?.phase === 'failed' && live.turnId === undefined ? live.request?.message : undefined

/** A new chat whose message has been begun to be written, or one with nothing in it. */
export const newChatId = ({ drafts, threads }: Pick<State, 'drafts' | 'threads'>): string =>
  Object.keys(drafts).find((id) => isDraft(id) && drafts[id] && !threads[id]?.live) ?? newDraftId()

export const initialState = (drafts: State['drafts'] = {}): State => {
  const open = newChatId({ drafts, threads: {} })
  return {
    open,
    conversations: {},
    lists: { active: idle, archived: idle },
    threads: { [open]: emptyThread },
    drafts,
    search: emptySearch,
    models: [],
    assistants: [],
    isOffline: false,
  }
}
