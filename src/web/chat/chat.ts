import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { Client } from '../../client/index.js'
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
  const turns = createTurns(context, (id) => conversations.catchUp(id))
  const conversations = createConversations(context, turns)
  const search = createSearch(context)
  const { followUpdates } = createUpdates(context, conversations, turns)

  return {
    client,
    ...conversations,
    ...search,
    turns,
    start(): void {
      watchConnection(context, () => {
        void loadChoices(context)
        void followUpdates(true)
        turns.rejoin()
      })
      watchLimit(context)
      followRoute(store, conversations)
      void conversations.loadList('active')
      void loadChoices(context)
      void followUpdates()
      document.addEventListener('visibilitychange', () => void followUpdates(true))
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
