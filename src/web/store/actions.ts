import type { StreamEvent } from '../../client/index.js'
import type { Failure } from './failure.js'
import type {
  Assistant,
  AvailableModel,
  Conversation,
  Message,
  Notice,
  SearchResult,
  State,
  TurnRequest,
} from './state.js'

export type ListName = keyof State['lists']

interface Page<Item> {
  data: readonly Item[]
  next_cursor: string | null
}

/** What has happened: a wish of the user's, or what the server has said. */
export type Action =
  | { type: 'list-requested'; list: ListName }
  | { type: 'list-received'; list: ListName; page: Page<Conversation>; pinned?: readonly Conversation[] }
  | { type: 'list-failed'; list: ListName; failure: Failure }
  | { type: 'conversation-received'; conversation: Conversation }
  | { type: 'conversation-deleted'; id: string }
  | { type: 'opened'; id: string; target?: string | undefined }
  | { type: 'target-shown' }
  | { type: 'thread-requested'; id: string }
  /** pages come newest message first */
  | { type: 'thread-received'; id: string; page: Page<Message>; isOlder: boolean }
  | { type: 'thread-failed'; id: string; failure: Failure }
  | { type: 'thread-forgotten'; id: string }
  | { type: 'message-received'; message: Message }
  | {
      type: 'turn-sent'
      id: string
      key: string
      request: TurnRequest
      after: string | null | undefined
    }
  | { type: 'turn-found'; id: string; turnId: string }
  | { type: 'turn-named'; key: string; id: string; turnId: string; questionId: string }
  | { type: 'turn-events'; key: string; events: readonly StreamEvent[] }
  | { type: 'turn-restarted'; key: string }
  | { type: 'turn-stopping'; key: string }
  | { type: 'turn-not-stopped'; key: string }
  | { type: 'turn-failed'; key: string; failure: Failure }
  | { type: 'turn-stored'; key: string; messages: readonly Message[] }
  | { type: 'turn-withdrawn'; key: string }
  | { type: 'drafted'; id: string; text: string }
  | { type: 'search-requested'; query: string }
  | {
      type: 'search-received'
      query: string
      page: Page<SearchResult> & { is_complete: boolean }
      isMore: boolean
    }
  | { type: 'search-failed'; query: string; failure: Failure }
  | { type: 'search-ended' }
  | { type: 'choices-received'; models: readonly AvailableModel[]; assistants: readonly Assistant[] }
  | { type: 'model-chosen'; model: string | undefined }
  | { type: 'assistant-chosen'; assistant: string | undefined }
  | { type: 'went-offline' }
  | { type: 'came-online' }
  | { type: 'signed-out'; failure: Failure }
  | { type: 'limit-reached'; failure: Failure }
  | { type: 'limit-passed' }
  | { type: 'noticed'; notice: Notice }
  | { type: 'notice-closed'; id: number }
