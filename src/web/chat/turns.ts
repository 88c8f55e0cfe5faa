import { ColloquyError, type StreamEvent } from '../../client/index.js'
import { kindOf } from '../store/failure.js'
import { isRunning } from '../store/select.js'
import { isDraft, type LiveTurn, type Message, type TurnRequest } from '../store/state.js'
import { attempt, type Context, noteFailure } from './context.js'
import { batchEvents } from './event-batch.js'

/** What is kept of an answer in a conversation's messages. */
export const INCLUDE = { include: ['reasoning' as const] }

const newKey = (): string => crypto.randomUUID?.() ?? `page-${Date.now()}-${Math.random()}`

/** Sends messages, and follows turns until what is stored of them is shown; `onStored` is then called with the conversation. */
export const createTurns = (context: Context, onStored: (id: string) => unknown) => {
  const { client, store } = context
  const { dispatch } = store
  /** the turns that this page follows, by their keys */
  const followed = new Map<string, AbortController>()

  const liveOf = (key: string): { id: string; live: LiveTurn } | undefined => {
    for (const [id, { live }] of Object.entries(store.state.threads)) {
      if (live?.key === key) return { id, live }
    }
    return undefined
  }

  const cancel = async (key: string, turn_id: string): Promise<void> => {
    const isDone = await attempt(context, 'It could not be stopped', () => client.cancelTurn({ turn_id }))
    // It goes on, and may be stopped again.
    if (!isDone) dispatch({ type: 'turn-not-stopped', key })
  }

  const onEvents = (key: string, events: readonly StreamEvent[]): void => {
    for (const event of events) {
      if (event.type !== 'data-turn' || event.data.error) continue
      const { turn_id: turnId, conversation_id: id, user_message_id: questionId } = event.data
      const isNew = liveOf(key)?.live.turnId === undefined
      dispatch({ type: 'turn-named', key, id, turnId, questionId })
      if (isNew) void refresh(id)
      // It was stopped before it had a name.
      if (isNew && liveOf(key)?.live.phase === 'stopping') void cancel(key, turnId)
    }
    dispatch({ type: 'turn-events', key, events })
  }

  /** Reads a stream to its end. */
  const read = async (key: string, events: AsyncIterable<StreamEvent>): Promise<void> => {
    const batch = batchEvents((events) => onEvents(key, events))
    try {
      for await (const event of events) batch.add(event)
    } finally {
      batch.flush()
    }
  }

  const refresh = async (conversation_id: string): Promise<void> => {
    const conversation = await client.getConversation({ conversation_id }).catch(() => undefined)
    if (conversation) dispatch({ type: 'conversation-received', conversation })
  }

  /** Puts what is stored of a turn in the place of what was streamed. */
  const showStored = async (key: string, id: string, ids: readonly string[]): Promise<void> => {
    const messages = await Promise.all(
      ids.map((message_id): Promise<Message> => client.getMessage({ message_id, ...INCLUDE })),
    )
    dispatch({ type: 'turn-stored', key, messages })
    await onStored(id)
  }

  /**
   * Follows a turn from its stream, which the first call has opened, to its end. A stream may end before the turn does: the
   * connection is lost for good, or another attempt has begun the answer anew.
   */
  const follow = async (key: string, open: (signal: AbortSignal) => AsyncIterable<StreamEvent>) => {
    const controller = new AbortController()
    const { signal } = controller
    followed.set(key, controller)
    let stream = open(signal)
    try {
      for (;;) {
        const failure = await read(key, stream).then(
          () => undefined,
          (error: unknown) => error,
        )
        if (signal.aborted) return
        const found = liveOf(key)
        const turn_id = found?.live.turnId ?? (failure instanceof ColloquyError ? failure.turn_id : undefined)
        if (!found || turn_id === undefined) throw failure
        const turn = await client.getTurn({ turn_id }, { signal })
        if (turn.finished_at !== null || turn.status === 'interrupted') {
          if (failure) noteFailure(context, failure)
          await showStored(key, turn.conversation_id, [turn.user_message_id, turn.message_id])
          return
        }
        dispatch({ type: 'turn-restarted', key })
        stream = client.streamTurn({ turn_id }, { signal })
      }
    } catch (error) {
      if (signal.aborted) return
      const failure = noteFailure(context, error)
      dispatch({ type: 'turn-failed', key, failure })
      // What was not sent waits in the field for the next sign-in.
      if (kindOf(failure) === 'signed-out' && !liveOf(key)?.live.turnId)
        dispatch({ type: 'turn-withdrawn', key })
    } finally {
      if (followed.get(key) === controller) followed.delete(key)
    }
  }

  const begin = (id: string, key: string, request: TurnRequest, after: string | null | undefined): void => {
    dispatch({ type: 'turn-sent', id, key, request, after })
    void follow(key, (signal) => client.streamNewTurn(request, { idempotencyKey: key, signal }))
  }

  const choice = () => {
    const { model } = store.state
    return model === undefined ? {} : { model }
  }

  return {
    /** Sends a message; `parent_id` is the message that it follows where that is not the newest one. */
    send(id: string, message: string, place: { parent_id: string | null } | undefined = undefined): void {
      const { assistant } = store.state
      const request: TurnRequest = {
        ...(isDraft(id) ? assistant !== undefined && { assistant } : { conversation_id: id }),
        ...choice(),
        ...place,
        message,
      }
      begin(id, newKey(), request, place?.parent_id)
    },

    /** Asks again for an answer, beside the one that there is. */
    regenerate({ id, conversation_id, parent_id }: Message): void {
      begin(conversation_id, newKey(), { conversation_id, ...choice(), regenerate: id }, parent_id)
    },

    /** Sends again what could not be sent, with its key: it is not done twice. */
    retry(id: string): void {
      const live = store.state.threads[id]?.live
      if (live?.phase !== 'failed') return
      const { key, request, turnId } = live
      dispatch({ type: 'turn-restarted', key })
      if (turnId) void follow(key, (signal) => client.streamTurn({ turn_id: turnId }, { signal }))
      else if (request) begin(id, key, request, live.after)
    },

    /** Takes a message that could not be sent back into the field. */
    withdraw(id: string): void {
      const live = store.state.threads[id]?.live
      if (live) dispatch({ type: 'turn-withdrawn', key: live.key })
    },

    stop(id: string): void {
      const thread = store.state.threads[id]
      if (!thread?.live || !isRunning(thread)) return
      const { key, turnId } = thread.live
      dispatch({ type: 'turn-stopping', key })
      if (turnId) void cancel(key, turnId)
    },

    /** Shows a turn that runs, begun here before a reload, or elsewhere. */
    join(id: string, turnId: string): void {
      const live = store.state.threads[id]?.live
      if (live && (live.turnId === turnId || live.phase === 'sending')) return
      dispatch({ type: 'turn-found', id, turnId })
      void follow(turnId, (signal) => client.streamTurn({ turn_id: turnId }, { signal }))
    },

    /** Goes on with the turns whose connection was lost. */
    rejoin(): void {
      for (const [id, { live }] of Object.entries(store.state.threads)) {
        if (live?.phase === 'failed' && live.failure && kindOf(live.failure) === 'offline') this.retry(id)
      }
    },

    /** Leaves the turns of a conversation that is gone; they go on, if they can. */
    leave(id: string): void {
      const key = store.state.threads[id]?.live?.key
      if (key !== undefined) followed.get(key)?.abort()
    },

    refresh,
  }
}

export type Turns = ReturnType<typeof createTurns>
