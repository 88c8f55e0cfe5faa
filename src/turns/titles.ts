import type { Model } from '../models/model.js'
import { costOf, type Prices } from '../models/prices.js'
import { fromFirstVisible } from '../visible-text.js'
import { runModel } from './agent/run-model.js'
import { type BackgroundJobs, createBackgroundJobs } from './background-jobs.js'
import type { TurnStore } from './store/turn-store.js'

/** A conversation whose first turn has completed. */
interface TitleRequest {
  userId: string
  conversationId: string
  /** the user's first message */
  message: string
  /** the model that answered it */
  model: Model
}

interface Titles extends Pick<BackgroundJobs, 'stop'> {
  /** Generates a title in the background. Over the limit, the conversation keeps its title. Never throws. */
  begin(conversation: TitleRequest): void
}

interface TitlesOptions {
  store: Pick<TurnStore, 'setTitle'>
  prices?: Prices | undefined
  log: { warn(fields: object, text: string): void }
  /** how long the model may take */
  timeoutMs?: number
  /** maximum number generated at the same time */
  max?: number
}

const instruction = `The user's message begins a conversation. Do not answer it. \
Reply with a title for that conversation and nothing else: at most six words, in the language of the message, \
without quotes and without a full stop at the end.`

const MAX_LENGTH = 80
/** More than a title may need, to look at; a text may be long. */
const MAX_UNITS = 1_000

/** Characters that are each a grapheme of their own. Under load the segmenter took 7 % of the server's time. */
const isPlain = (text: string): boolean => /^[ -~]*$/.test(text)
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** The beginning of a line: at most 80 characters (code points), cut between graphemes unless the first alone is longer. */
const truncate = (line: string): string => {
  // With one character more, which might belong to the last one.
  const beginning = line.slice(0, MAX_LENGTH + 1)
  if (isPlain(beginning)) return beginning.slice(0, MAX_LENGTH).trimEnd()
  let title = ''
  let length = 0
  for (const { segment } of graphemes.segment(line.slice(0, MAX_UNITS))) {
    length += [...segment].length
    if (length > MAX_LENGTH) return (title || [...segment].slice(0, MAX_LENGTH).join('')).trimEnd()
    title += segment
  }
  return title.trimEnd()
}

/**
 * A text as one line, from its first visible character on; empty when it has none. Anybody can write anything, or prompt a model to, so
 * control and bidirectional characters are removed: a title must not control a terminal or reverse the text of a list.
 */
const toLine = (text: string): string =>
  fromFirstVisible(text.replace(/\p{Bidi_Control}/gu, '').replace(/[\s\p{Cc}]+/gu, ' ')).trimEnd()

/** The first 80 characters (code points) of a text as one line. */
export const titleFromMessage = (text: string): string => truncate(toLine(text))

/** A text in quotes that does not contain the opening quote again. */
const quoted = /^(["'`“”„«»‘‚「『])((?:(?!\1).)*)["'`“”«»’‘」』]$/u

/** The model's answer as a title, without surrounding quotes; empty when nothing is left. */
export const cleanTitle = (answer: string): string => {
  const line = toLine(answer)
  return titleFromMessage(quoted.exec(line)?.[2] ?? line)
}

export const createTitles = ({
  store,
  prices,
  log,
  timeoutMs = 30_000,
  max = 100,
}: TitlesOptions): Titles => {
  const jobs = createBackgroundJobs({ log, failure: 'the title could not be generated', timeoutMs, max })

  const generate = async (conversation: TitleRequest, signal: AbortSignal): Promise<void> => {
    const { userId, conversationId, message, model } = conversation
    const request = { system: instruction, history: [], message, signal }
    const { status, model: answeredBy, answer, cause } = await runModel(model, request)
    if (status !== 'completed') throw cause
    const title = cleanTitle(answer.text) || null
    const cost = costOf(prices?.of(answeredBy), answer.usage, answer.cacheWriteTokens)
    await store.setTitle({
      userId,
      conversationId,
      title,
      model: answeredBy,
      usage: { ...answer.usage, cost },
    })
  }

  return {
    begin(conversation) {
      const fields = { conversation_id: conversation.conversationId }
      jobs.begin(fields, (signal) => generate(conversation, signal))
    },
    stop: jobs.stop,
  }
}
