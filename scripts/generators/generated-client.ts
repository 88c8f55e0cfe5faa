/** What a client may say first. */
export interface NewTurn {
  message: string
  conversation_id?: string
}

/** An event stream, as a generated client gives it: events, the bytes that they came in, or all of its text at once. */
export type Streamed = AsyncIterable<unknown> | ReadableStream<Uint8Array> | string

/**
 * Every operation of the contract, but those that move whole files (importUser, exportUser), called through a generated
 * client. Each file in clients/ implements it, so a field that the generated types do not have does not compile. A refusal rejects; `refused` gives what the client makes of one.
 */
export interface GeneratedClient {
  createTurn(
    turn: NewTurn,
    key: string,
  ): Promise<{ conversation_id: string; turn_id: string; message_id: string }>
  getTurn(id: string): Promise<{ id: string; status: string }>
  cancelTurn(id: string): Promise<{ id: string }>
  listTurns(conversation: string): Promise<{ data: { id: string }[]; next_cursor: string | null }>
  listMessages(conversation: string): Promise<{ data: Message[]; next_cursor: string | null }>
  getMessage(id: string): Promise<Message>
  createConversation(title: string, metadata: Record<string, string>): Promise<{ id: string }>
  getConversation(id: string): Promise<{ id: string; running_turn_id: string | null }>
  updateConversation(
    id: string,
    metadata: Record<string, string | null>,
  ): Promise<{ metadata: Partial<Record<string, string>> }>
  deleteConversation(id: string): Promise<unknown>
  listConversations(metadata?: Record<string, string>): Promise<{ data: { id: string }[] }>
  listModels(): Promise<{ data: { name: string; is_default: boolean }[] }>
  listAssistants(): Promise<{ data: { name: string; models: string[] }[] }>
  rateMessage(message: string, comment: string): Promise<{ comment: string | null }>
  listUsage(first_day: string): Promise<{ data: { day: string; turns: number }[] }>
  exportConversation(conversation: string): Promise<unknown>
  /** Erases the target's user. */
  eraseUser(): Promise<{ rows: { conversations: number } }>
  searchMessages(
    q: string,
  ): Promise<{ data: { message_id: string | null; highlights: { start: number; end: number }[] }[] }>
  forkConversation(conversation: string, message: string): Promise<{ id: string; message_count: number }>
  getLiveness(): Promise<{ status: string }>
  getReadiness(): Promise<{ status: string }>
  getToolKeys(): Promise<{ keys: { kid: string }[] }>
  /** Asks for a turn that does not exist. */
  refused(turn: string): Promise<{ code: string; status: number }>
  /** Absent where the generated client cannot read an event stream at all. */
  streams?: {
    streamNewTurn(turn: NewTurn, key: string): Promise<Streamed>
    streamTurn(id: string): Promise<Streamed>
    streamConversation(id: string): Promise<Streamed>
    /** Ends after a second. */
    streamUpdates(): Promise<Streamed>
  }
}

export interface Message {
  id: string
  role: string
  parts: { type: string }[]
  tool_calls: { id: string; status: string }[]
}

/** Where a client calls, and as whom. */
export interface Target {
  url: string
  user: string
  token: string
}
