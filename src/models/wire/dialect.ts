import type { ModelMessage } from 'ai'
import type { JsonObject } from '../../json-object.js'
import type { ProviderOptions } from '../model.js'

/** How a response ended: as an answer that counts as whole, or with a failure. */
export type Ending = 'stop' | 'length' | 'tool-calls' | 'other' | Failure
export type Failure = 'broken-off' | 'filtered' | 'too-long' | 'paused'

/** Reads the events of one response. */
export interface EventReader {
  /** Returns the event, as one or more in the form that the SDK parses; undefined when it is none of this dialect's. */
  read(event: JsonObject): JsonObject | JsonObject[] | undefined
  /** Whether the response has told why it ended: what is neither a part of it nor an error says nothing then. */
  hasEnded(): boolean
  /** Returns the event that the response lacks at its regular end. `isDone`: it ended with `[DONE]`. */
  end?(isDone: boolean): JsonObject | undefined
}

/** What one provider's protocol says in its own words. */
export interface Dialect {
  /** its finish reasons, in lower case; others are judged by `endingOf` */
  finishReasons: Readonly<Record<string, Ending>>
  createReader(): EventReader
  /**
   * What the SDK has to be given with a part of a response when the provider sees it again, from what the SDK has found in the
   * response; undefined when that is nothing.
   */
  toReplayed(type: 'text' | 'reasoning' | 'tool-call', options: ProviderOptions): ProviderOptions | undefined
  /** The same for the message as a whole, from what the SDK tells of the whole response. */
  toReplayedMessage?(options: ProviderOptions): ProviderOptions | undefined
  /** What the SDK has to be given with every request; `isReasoningShown`: the provider is to tell its model's reasoning. */
  requestOptions?(model: string, isReasoningShown: boolean): ProviderOptions | undefined
  /** A tool's input schema as this provider takes it. */
  toToolSchema?(schema: JsonObject): JsonObject
  /** marks a message up to which the provider is to cache the prompt, where it wants to be told */
  cacheMark?: ModelMessage['providerOptions']
}
