import { isDraft } from '../store/state.js'
import type { Store } from '../store/store.js'
import type { Conversations } from './conversations.js'

/** The address of a conversation, and of a message in it. */
export const hrefOf = (conversationId: string, messageId?: string | null): string =>
  `#/${conversationId}${messageId ? `/${messageId}` : ''}`

export const NEW_CHAT = '#/'

const ID = '[\\da-f-]{36}'
const pattern = new RegExp(`^#/(${ID})(?:/(${ID}))?$`)

/** Shows what the page's address names, and has the address follow a conversation that begins or is deleted. */
export const followRoute = (store: Store, conversations: Conversations): void => {
  const show = (): void => {
    const [, id, target] = pattern.exec(location.hash) ?? []
    if (id === undefined) conversations.openNew()
    else void conversations.open(id, target)
  }
  store.subscribe(() => {
    const { open } = store.state
    const [, shown] = pattern.exec(location.hash) ?? []
    if (isDraft(open) ? shown !== undefined : shown !== open)
      history.replaceState(null, '', isDraft(open) ? NEW_CHAT : hrefOf(open))
  })
  addEventListener('hashchange', show)
  show()
}
