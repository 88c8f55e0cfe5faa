import type { Test } from 'tap'
import type { Json, TestApp } from './app.js'
import type { SeenFrame, StreamAnswer } from './stream.js'

interface Following {
  /** the instance; default: the one that the helper was made for */
  app?: TestApp
  /** the id of the event after which the stream goes on */
  after?: string | undefined
}

export interface FollowedUpdates {
  stream: StreamAnswer
  /** what has come so far */
  events(): Json[]
  /** Waits for such an event. */
  next(type: string, fields?: Json): Promise<Json>
  /** The events that came until something that is done now was told. */
  all(): Promise<Json[]>
}

const fits = ({ event }: SeenFrame, wanted: Json): boolean =>
  Object.entries(wanted).every(([name, value]) => (event as Json)[name] === value)

/** Makes a function that opens a user's stream of updates on `reader`; what it has to be told is done on `writer`. */
export const updatesReader =
  (t: Test, reader: TestApp, writer: TestApp) =>
  async (user: string, { app = reader, after }: Following = {}): Promise<FollowedUpdates> => {
    const headers: Record<string, string> = after === undefined ? {} : { 'last-event-id': after }
    const stream = await app.stream('GET', `/api/${user}/updates`, { user, headers })
    t.teardown(() => stream.leave())
    const events = () => stream.frames.map(({ event }) => event as Json)
    const next: FollowedUpdates['next'] = (type, fields = {}) =>
      stream.until((frame) => fits(frame, { type, ...fields }))
    const all = async (): Promise<Json[]> => {
      const { body } = await writer.call('POST', `/api/${user}/conversations`, { user, body: {} })
      await next('conversation-created', { conversation_id: body.id })
      return events().filter(({ conversation_id }) => conversation_id !== body.id)
    }
    return { stream, events, next, all }
  }
