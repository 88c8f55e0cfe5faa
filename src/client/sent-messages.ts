import { type TurnRequest, toTurnRequest } from './chat-request.js'
import type { Client } from './client-types.js'
import { newKey, type RequestOptions } from './core.js'
import { storedTurnId } from './messages.js'
import { notSupported } from './problem.js'
import type { SendOptions } from './sdk.js'
import type { ShownMessages } from './shown-messages.js'

/** A request that is sent, and sent again until it is answered; its key says that it is the same. */
export interface Sent {
  key: string
  request: TurnRequest
  /** whether its turn has ended in a way that a retry does not change */
  isAnswered: boolean
}

const alreadyStored =
  'The message is stored already. To change it, name its id as `messageId`; for another answer call regenerate().'
const changed =
  'A message that was sent cannot be changed or given to another model or assistant. Send a new message.'

/** Tracks what each message of the page has asked for. */
export const createSentMessages = (client: Client, shown: ShownMessages) => {
  /** the newest request of each message */
  const requests = new Map<string, Sent>()
  /** the stored message of each message, where that has another id */
  const storedIds = new Map<string, string>()
  let newest: Sent | undefined

  const fresh = (request: TurnRequest, key = newKey()): Sent => ({ key, request, isAnswered: false })

  /** A message that is sent again unchanged asks for the same; an edited one, and another answer, are turns of their own. */
  const requestOf = async (options: SendOptions, reading: RequestOptions): Promise<Sent> => {
    const { message, request } = toTurnRequest(options)
    const { id } = message
    const earlier = requests.get(id)
    const isEdit = options.trigger === 'submit-message' && options.messageId === id
    const isStored = shown.has(id) || storedTurnId(message) !== undefined
    const storedId = storedIds.get(id) ?? (isStored ? id : undefined)
    const isSame =
      earlier !== undefined &&
      [undefined, request.message].includes(earlier.request.message) &&
      [undefined, earlier.request.model].includes(request.model) &&
      [undefined, earlier.request.assistant].includes(request.assistant)
    if (storedId === undefined) {
      if (isSame) return earlier
      if (earlier && !isEdit) throw notSupported(changed)
      return fresh(request, earlier ? newKey() : id)
    }
    if (isEdit) {
      const { parent_id } = await client.getMessage({ message_id: storedId }, reading)
      return fresh({ ...request, parent_id })
    }
    // The server tries a failed turn again as long as it is the conversation's last.
    if (isSame && !earlier.isAnswered && earlier === newest) return earlier
    if (options.trigger === 'submit-message') throw notSupported(earlier && !isSame ? changed : alreadyStored)
    const { message: _, ...rest } = request
    return fresh({ ...rest, regenerate: storedId })
  }

  return {
    requestOf,
    /** Records that a message has made a request, in a conversation if there is one already. */
    add(id: string, sent: Sent, conversationId: string | undefined): void {
      newest = sent
      if (requests.get(id) === sent) return
      requests.set(id, sent)
      if (conversationId !== undefined) sent.request.conversation_id = conversationId
    },
    /** Records the stored message of a message. */
    stored: (id: string, storedId: string): void => void storedIds.set(id, storedId),
  }
}
