import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Client } from '../../client/index.js'
import { isDraft } from '../store/state.js'
import type { Store } from '../store/store.js'
import { loadChoices } from './choices.js'
import { watchConnection, watchLimit } from './connection.js'
import type { Context } from './context.js'
import { createConversations } from './conversations.js'
import { followRoute } from './route.js'
import { createSearch } from './search.js'
import { createTurns } from './turns.js'
import { createUpdates } from './updates.js'

/** What the page can do. Each of it asks the server, and tells the store what the server has said. */
export const createChat = (client: Client, store: Store) => {
  const context: Context = { client, store }
  const turns = createTurns(context)
  const conversations = createConversations(context, turns)
  const search = createSearch(context)
  const { followUpdates } = createUpdates(context, conversations, turns)

  const load = (): void => {
    void conversations.loadList('active')
    void loadChoices(context)
    void followUpdates()
  }

  return {
    client,
    ...conversations,
    ...search,
    turns,
    start(): void {
      watchConnection(context, () => {
        load()
        const { open, threads } = store.state
        if (threads[open] && !isDraft(open)) void conversations.reload(open)
        turns.rejoin()
      })
      watchLimit(context)
      followRoute(store, conversations)
      load()
    },
  }
}

export type Chat = ReturnType<typeof createChat>

export const ChatContext = createContext<Chat | undefined>(undefined)

export const useChat = (): Chat => {
  const chat = useContext(ChatContext)
  if (!chat) throw new Error('There is no chat.')
  return chat
}
