import type { Database } from '../db/database.js'
import type { Model, Usage } from '../models/model.js'
import { titleOf } from './begin.js'
import { type AbortReason, runModel } from './run.js'

/** A conversation whose first turn has completed. */
export interface Untitled {
  userId: string
  conversationId: string
  /** the user's first message */
  message: string
  /** what it is called so far */
  title: string
  /** that answered the message */
  model: Model
}

export interface Titles {
  /** Asks the model for a title in the background; a conversation too many keeps the title that it has. Never throws. */
  begin(conversation: Untitled): void
  /** Begins none any more, aborts those under way at once, and waits until they have let go of the database. */
  stop(): Promise<void>
}

export interface TitlesOptions {
  db: Database
  log: { warn(fields: object, text: string): void }
  /** how long a model may take for one */
  timeoutMs?: number
  /** how many are made at once */
  max?: number
}

const instruction = `The user's message begins a conversation. Do not answer it. \
Reply with a title for that conversation and nothing else: at most six words, in the language of the message, \
without quotes and without a full stop at the end.`

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

export const createTitles = ({ db, log, timeoutMs = 30_000, max = 100 }: TitlesOptions): Titles => {
  const stopped = new AbortController()
  const underWay = new Map<AbortController, Promise<void>>()

  const store = ({ userId, conversationId, title, model }: Untitled, made: string, usage: Usage) =>
    db.statement(
      (sql) => sql`
        select colloquy.set_title(
          ${userId}, ${conversationId}, ${title}, ${made || null}, ${model.name}, ${sql.json({ ...usage })})`,
      'others',
    )

  const make = async (conversation: Untitled, { signal }: AbortController): Promise<void> => {
    const { message, model } = conversation
    const request = { system: instruction, history: [], message, signal }
    const { status, answer, cause } = await runModel(model, request)
    if (status === 'completed') await store(conversation, cleanTitle(answer.text), answer.usage)
    else if (!stopped.signal.aborted) throw cause
  }

  return {
    begin(conversation) {
      if (stopped.signal.aborted || underWay.size >= max) return
      const abort = new AbortController()
      const timer = setTimeout(() => abort.abort('timeout' satisfies AbortReason), timeoutMs)
      const made = make(conversation, abort)
        .catch((err: unknown) => {
          log.warn({ conversation_id: conversation.conversationId, err }, 'a title could not be made')
        })
        .finally(() => {
          clearTimeout(timer)
          underWay.delete(abort)
        })
      underWay.set(abort, made)
    },

    async stop() {
      stopped.abort()
      for (const abort of underWay.keys()) abort.abort('shutdown' satisfies AbortReason)
      await Promise.all(underWay.values())
    },
  }
}
