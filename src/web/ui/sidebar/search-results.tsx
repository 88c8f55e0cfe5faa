import { useChat } from '../../chat/chat.js'
import { hrefOf } from '../../chat/route.js'
import type { SearchResult } from '../../store/state.js'
import { useSelector } from '../../store/store.js'
import { FailureNote } from '../parts/failure-note.js'

/** The excerpt with its matches marked. Ranges count code points. */
const Excerpt = ({ excerpt, highlights }: Pick<SearchResult, 'excerpt' | 'highlights'>) => {
  const characters = [...excerpt]
  const cut = (start: number, end?: number) => characters.slice(start, end).join('')
  let at = 0
  const parts = highlights.flatMap(({ start, end }) => {
    const before = cut(at, start)
    at = end
    return [before, <mark key={start}>{cut(start, end)}</mark>]
  })
  return (
    <span class="result-excerpt" dir="auto">
      {parts}
      {cut(at)}
    </span>
  )
}

const speakers: Record<string, string> = { user: 'You', assistant: 'Answer' }

const Result = ({ result }: { result: SearchResult }) => {
  const { conversation_id, message_id, title, role, archived } = result
  return (
    <li class="row">
      <a class="row-link result" href={hrefOf(conversation_id, message_id)}>
        {message_id && (
          <span class="result-title" dir="auto">
            {title ?? 'New conversation'}
          </span>
        )}
        <Excerpt {...result} />
        <span class="result-where">
          {[speakers[role ?? ''] ?? 'Title', ...(archived ? ['archived'] : [])].join(', ')}
        </span>
      </a>
    </li>
  )
}

const found = (count: number, hasMore: boolean): string =>
  count === 0 ? 'Nothing was found.' : `${count}${hasMore ? ' or more' : ''} found`

export const SearchResults = () => {
  const chat = useChat()
  const { status, failure, results, next, isComplete } = useSelector((state) => state.search)
  if (failure) return <FailureNote failure={failure} />
  return (
    <div aria-busy={status === 'loading'}>
      <p class="list-empty" role="status">
        {status === 'loading' ? 'Searching …' : found(results.length, next !== null)}
      </p>
      <ul class="rows">
        {results.map((result) => (
          <Result key={`${result.conversation_id}${result.message_id}`} result={result} />
        ))}
      </ul>
      {!isComplete && <p class="list-empty">The oldest messages are not searched yet.</p>}
      {next !== null && (
        <button type="button" class="button list-more" onClick={() => chat.more()}>
          Show more
        </button>
      )}
    </div>
  )
}
