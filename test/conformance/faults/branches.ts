import { bodies, type Json, queries, successes } from '../change.js'
import type { PlantedFault } from './planted.js'

/** What is wrong with branches and forks. */
export const branchFaults: PlantedFault[] = [
  {
    name: 'a parent_id is ignored',
    seenBy: ['branches.tree', 'branches.refused'],
    make: () => bodies('createTurn', ({ parent_id: _, ...body }: Json) => body),
  },
  {
    name: 'the messages of all branches are listed as one',
    seenBy: ['branches.tree'],
    make: () => queries('listMessages', (query) => query.set('branch', 'all')),
  },
  {
    name: 'the whole tree cannot be listed',
    seenBy: ['branches.tree'],
    make: () => queries('listMessages', (query) => query.delete('branch')),
  },
  {
    name: 'siblings are not named',
    seenBy: ['branches.tree'],
    make: () =>
      successes('listMessages', (page) => ({
        ...page,
        data: page.data.map((message: Json) => ({ ...message, sibling_count: 1, sibling_ids: [message.id] })),
      })),
  },
  {
    name: 'a branch that is chosen is not gone to',
    seenBy: ['branches.tree'],
    make: () =>
      bodies('updateConversation', ({ active_message_id, ...body }: Json) =>
        active_message_id ? { title: 'as it was', ...body } : body,
      ),
  },
  {
    name: 'a fork ignores its title',
    seenBy: ['branches.fork'],
    make: () => bodies('forkConversation', ({ title: _, ...body }: Json) => body),
  },
]
