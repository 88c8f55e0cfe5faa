import type { Client } from '../../client/index.js'
import { type Failure, kindOf, toFailure } from '../store/failure.js'
import { isLimit } from '../store/select.js'
import type { Store } from '../store/store.js'

/** What everything that the page does has in common. */
export interface Context {
  client: Client
  store: Store
}

let notices = 0

/** Shows a line for a while. */
export const notice = ({ store }: Context, kind: 'done' | 'failed', text: string): void => {
  notices += 1
  store.dispatch({ type: 'noticed', notice: { id: notices, kind, text } })
}

/** Takes note of what an error says of the page as a whole, and gives it in the form that the page keeps. */
export const noteFailure = ({ store }: Context, error: unknown): Failure => {
  const failure = toFailure(error)
  const kind = kindOf(failure)
  if (kind === 'offline') store.dispatch({ type: 'went-offline' })
  if (kind === 'signed-out') store.dispatch({ type: 'signed-out', failure })
  if (isLimit(failure)) store.dispatch({ type: 'limit-reached', failure })
  return failure
}

/** Does what the user has asked for; a failure is shown as a notice. */
export const attempt = async (
  context: Context,
  what: string,
  work: () => Promise<unknown>,
): Promise<boolean> => {
  try {
    await work()
    return true
  } catch (error) {
    const { message } = noteFailure(context, error)
    notice(context, 'failed', `${what}: ${message}`)
    return false
  }
}
