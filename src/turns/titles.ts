import type { Model } from '../models/model.js'
import { runModel } from './agent/run-model.js'
import type { TurnStore } from './store/turn-store.js'
import type { AbortReason } from './types.js'

/** A conversation whose first turn has completed. */
export interface TitleRequest {
  userId: string
  conversationId: string
  /** the user's first message */
  message: string
  /** that answered the message */
  model: Model
}

export interface Titles {
  /** Asks the model for a title in the background; a conversation too many keeps the title that it has. Never throws. */
  begin(conversation: TitleRequest): void
  /** Begins none any more, aborts those under way at once, and waits until they have let go of the database. */
  stop(): Promise<void>
}

export interface TitlesOptions {
  store: Pick<TurnStore, 'setTitle'>
  log: { warn(fields: object, text: string): void }
  /** how long a model may take for one */
  timeoutMs?: number
  /** how many are made at once */
  max?: number
}

const instruction = `The user's message begins a conversation. Do not answer it. \
Reply with a title for that conversation and nothing else: at most six words, in the language of the message, \
without quotes and without a full stop at the end.`

/** The first 80 characters (code points) of a text, without the white space around it. */
export const titleOf = (text: string): string =>
  [...text.trim().slice(0, 160)].slice(0, 80).join('').trimEnd()

/** Text between quotes, and none of the first kind in it. */
const quoted = /^(["'`“”„«»‘‚「『])((?:(?!\1).)*)["'`“”«»’‘」』]$/u

/**
 * The model's answer as one line without quotes around it, at most 80 characters (code points); empty when there is none.
 * Messages can talk a model into anything, so nothing in it may control a terminal or turn the text of a list around.
 */
export const cleanTitle = (answer: string): string => {
  const line = answer
    .replace(/\p{Bidi_Control}/gu, '')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return titleOf(quoted.exec(line)?.[2] ?? line)
}

export const createTitles = ({ store, log, timeoutMs = 30_000, max = 100 }: TitlesOptions): Titles => {
  const stopped = new AbortController()
  const pending = new Map<AbortController, Promise<void>>()

  const make = async (conversation: TitleRequest, { signal }: AbortController): Promise<void> => {
    const { userId, conversationId, message, model } = conversation
    const request = { system: instruction, history: [], message, signal }
    const { status, answer, cause } = await runModel(model, request)
    if (status === 'completed') {
      const title = cleanTitle(answer.text) || null
      await store.setTitle({ userId, conversationId, title, model: model.name, usage: answer.usage })
    } else if (!stopped.signal.aborted) throw cause
  }

  return {
    begin(conversation) {
      if (stopped.signal.aborted || pending.size >= max) return
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort('timeout' satisfies AbortReason), timeoutMs)
      const titled = make(conversation, abort)
        .catch((err: unknown) => {
          log.warn({ conversation_id: conversation.conversationId, err }, 'a title could not be made')
        })
        .finally(() => {
          clearTimeout(timer)
          pending.delete(abort)
        })
      pending.set(abort, titled)
    },

    async stop() {
      stopped.abort()
      for (const abort of pending.keys()) abort.abort('shutdown' satisfies AbortReason)
      await Promise.all(pending.values())
    },
  }
}
