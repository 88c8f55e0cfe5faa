import { bodies, type Json, queries, successes, without } from '../change.js'
import type { PlantedFault } from './planted.js'

const reversed = (page: Json): Json => ({ ...page, data: page.data.toReversed() })

/** What is wrong with pages, orders and filters. */
export const listFaults: PlantedFault[] = [
  {
    name: 'a conversation is listed on two pages',
    seenBy: ['paging.conversations'],
    make: () => {
      let last: Json
      return successes('listConversations', (page, { url }) => {
        const data = url.includes('cursor=') && last ? [last, ...page.data.slice(1)] : page.data
        last = page.data.at(-1)
        return { ...page, data }
      })
    },
  },
  {
    name: 'a conversation is on no page',
    seenBy: ['paging.conversations'],
    make: () =>
      successes('listConversations', (page) =>
        page.next_cursor ? { ...page, data: page.data.slice(0, -1) } : page,
      ),
  },
  {
    name: 'conversations are listed with the oldest first',
    seenBy: ['paging.conversations'],
    make: () => successes('listConversations', reversed),
  },
  {
    name: 'the last page of conversations has a next_cursor',
    seenBy: ['paging.conversations'],
    make: () => {
      let cursor: string | undefined
      return successes('listConversations', (page) => {
        cursor = page.next_cursor ?? cursor
        return { ...page, next_cursor: cursor ?? null }
      })
    },
  },
  {
    name: 'there is only one page of messages',
    seenBy: ['paging.messages'],
    make: () => successes('listMessages', (page) => ({ ...page, next_cursor: null })),
  },
  {
    name: 'limit is ignored',
    seenBy: ['paging.turns'],
    make: () => queries('listConversations listMessages listTurns', (query) => query.delete('limit')),
  },
  {
    name: 'messages come in the wrong order',
    seenBy: ['paging.messages'],
    make: () => successes('listMessages', reversed),
  },
  {
    name: 'order=desc is ignored for turns',
    seenBy: ['paging.turns'],
    make: () => queries('listTurns', (query) => query.delete('order')),
  },
  {
    name: 'archived conversations are listed with the others',
    seenBy: ['conversation.archive'],
    make: () => queries('listConversations', (query) => query.delete('archived')),
  },
  {
    name: 'the filter by pinned is ignored',
    seenBy: ['conversation.pin'],
    make: () => queries('listConversations', (query) => query.delete('pinned')),
  },
  {
    name: 'expires_at is taken and forgotten',
    seenBy: ['conversation.expires_at', 'conversation.expired'],
    make: () =>
      bodies('createConversation updateConversation', (json: Json) =>
        json?.expires_at ? { metadata: {}, ...without(json, 'expires_at') } : json,
      ),
  },
  {
    name: 'the filter by metadata is ignored',
    seenBy: ['conversation.metadata'],
    make: () =>
      queries('listConversations', (query) => {
        for (const name of [...query.keys()]) if (name.startsWith('metadata')) query.delete(name)
      }),
  },
  {
    name: 'positions are counted from each page',
    seenBy: ['paging.messages'],
    make: () =>
      successes('listMessages', (page) => ({
        ...page,
        data: page.data.map((m: Json, at: number) => ({ ...m, position: at + 1 })),
      })),
  },
]
