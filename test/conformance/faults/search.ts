import { answers, entries, queries, successes } from '../change.js'
import type { PlantedFault } from './planted.js'

/** What is wrong with searches. */
export const searchFaults: PlantedFault[] = [
  {
    name: 'highlights are in the wrong place',
    seenBy: ['search.found'],
    make: () =>
      entries('searchMessages', (result) => ({
        ...result,
        highlights: result.highlights.map(({ start, end }: { start: number; end: number }) => ({
          start: start + 20,
          end: end + 20,
        })),
      })),
  },
  {
    name: 'a search finds nothing',
    seenBy: ['search.found', 'search.pages'],
    make: () => successes('searchMessages', (page) => ({ ...page, data: [] })),
  },
  {
    name: 'the filters of a search are ignored',
    seenBy: ['search.filters'],
    make: () => queries('searchMessages', (query) => query.delete('conversation_id')),
  },
  {
    name: 'archived conversations are always searched',
    seenBy: ['search.filters'],
    make: () => queries('searchMessages', (query) => query.delete('archived')),
  },
  {
    name: 'the worst match comes first',
    seenBy: ['search.pages'],
    make: () => successes('searchMessages', (page) => ({ ...page, data: page.data.toReversed() })),
  },
  {
    name: 'a search with an operator in it fails',
    seenBy: ['search.any-text'],
    make: () =>
      answers('searchMessages', (answer, { url }) =>
        /q=[^&]*%3A/.test(url) ? { ...answer, status: 500, body: '{}' } : answer,
      ),
  },
]
