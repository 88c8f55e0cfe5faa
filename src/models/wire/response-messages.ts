import { isJsonObject, type JsonObject } from '../../json-object.js'
import { createItems, type HeardItem } from './response-items.js'

interface Message extends HeardItem {
  /** what the SDK knows it by */
  readonly id: string
  /** whether the SDK takes its text */
  isOpen: boolean
  /** whether an event has begun it, not only its text */
  isAdded: boolean
  /** all that it has said, in the order in which it came */
  text: string
  /** the same by its parts; undefined: in events that do not tell their part */
  readonly parts: Map<number | undefined, string>
}

interface Part {
  index: number | undefined
  whole: string
  isRefusal: boolean
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
const toPart = (part: unknown, index: number | undefined): Part => {
  const { text, refusal } = isJsonObject(part) ? part : { text: part }
  return { index, whole: textOf(refusal) || textOf(text), isRefusal: textOf(refusal) !== '' }
}

/** The messages of a response of OpenAI's. Some servers say a part, or all of one, only as a whole. */
export const createResponseMessages = () => {
  const messages = createItems<Message>()

  const create = (id: unknown, index: number | undefined): Message => {
    const place = messages.all.length
    const isFree = typeof id === 'string' && id !== '' && !messages.all.some((other) => other.id === id)
    const message = {
      ids: new Set(),
      index,
      isDone: false,
      id: isFree ? id : `message_${place}`,
      isOpen: false,
      isAdded: false,
      text: '',
      parts: new Map(),
    }
    return messages.add(message, [id])
  }
  /** The message that an event is about. */
  const messageOf = (id: unknown, index: number | undefined): Message => {
    const found = messages.find([id], index) ?? (index === undefined ? messages.lastOpen() : undefined)
    return found ? messages.bind(found, [id], index) : create(id, index)
  }
  const open = (message: Message): JsonObject[] => {
    if (message.isOpen) return []
    message.isOpen = true
    const item = { type: 'message', id: message.id }
    return [{ type: 'response.output_item.added', output_index: message.index ?? 0, item }]
  }
  const say = (
    message: Message,
    part: number | undefined,
    delta: string,
    isRefusal: boolean,
  ): JsonObject[] => {
    message.text += delta
    message.parts.set(part, (message.parts.get(part) ?? '') + delta)
    const type = isRefusal ? 'response.refusal.delta' : 'response.output_text.delta'
    return [...open(message), { type, item_id: message.id, output_index: message.index ?? 0, delta }]
  }
  /** Says what of a part has not been said. Said or not, a refusal is one. */
  const sayRest = (message: Message, { index, whole, isRefusal }: Part, said: string): JsonObject[] => {
    const rest = whole.startsWith(said) ? whole.slice(said.length) : ''
    if (rest) return say(message, index, rest, isRefusal)
    return isRefusal ? [{ type: 'response.refusal.done', item_id: '', refusal: whole }] : []
  }
  const readContent = (message: Message, content: unknown): JsonObject[] => {
    const parts = [content ?? []].flat().map(toPart)
    let said = message.text
    const isInOrder = parts
      .map(({ whole }) => whole)
      .join('')
      .startsWith(said)
    return parts.flatMap((part) => {
      const { index, whole } = part
      // Which parts were said is not known of a text that is not quite the same.
      const isSaid = message.parts.has(undefined) && message.text !== ''
      if (!isInOrder) return sayRest(message, part, message.parts.get(index) ?? (isSaid ? whole : ''))
      const begun = said.slice(0, whole.length)
      said = said.slice(whole.length)
      return sayRest(message, part, begun)
    })
  }
  const end = (message: Message, content: unknown): JsonObject[] => {
    const said = readContent(message, content)
    const { id, index: output_index = 0, isOpen } = message
    message.isDone = true
    message.isOpen = false
    const done = { type: 'response.output_item.done', output_index, item: { type: 'message', id } }
    return isOpen ? [...said, done] : said
  }

  return {
    begin(id: unknown, index: number | undefined): JsonObject[] {
      const found = messages.find([id], index)
      const isSame = found && (!found.isAdded || messages.byId([id]) === found)
      const message = isSame ? messages.bind(found, [id], index) : create(id, index)
      message.isAdded = true
      return open(message)
    },
    /** A piece of a part. */
    add: (
      id: unknown,
      index: number | undefined,
      part: number | undefined,
      delta: string,
      isRefusal: boolean,
    ) => say(messageOf(id, index), part, delta, isRefusal),
    /** A part as a whole. */
    addWhole(
      id: unknown,
      index: number | undefined,
      part: number | undefined,
      value: JsonObject,
    ): JsonObject[] {
      const message = messageOf(id, index)
      const isKnown = part !== undefined && !message.parts.has(undefined)
      const said = isKnown ? (message.parts.get(part) ?? '') : message.text
      return sayRest(message, toPart(value, part), said)
    },
    end: (id: unknown, index: number | undefined, content: unknown) => end(messageOf(id, index), content),
    /** Says what has not come of a whole response's messages. */
    endAll(items: readonly { item: JsonObject; index: number }[]): JsonObject[] {
      const known = messages.match(items.map(({ item, index }) => ({ ids: [item.id], index })))
      return items.flatMap(({ item, index }, n) => end(known[n] ?? create(item.id, index), item.content))
    },
  }
}
