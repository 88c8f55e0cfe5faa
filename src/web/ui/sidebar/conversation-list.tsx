import { useMemo } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import type { ListName } from '../../store/actions.js'
import { conversationsOf } from '../../store/select.js'
import { useSelector } from '../../store/store.js'
import { FailureNote } from '../parts/failure-note.js'
import { ConversationRow } from './conversation-row.js'

const empty: Record<ListName, string> = {
  active: 'Your conversations will be listed here.',
  archived: 'Nothing is archived.',
}

export const ConversationList = ({ list }: { list: ListName }) => {
  const chat = useChat()
  const conversations = useSelector((state) => state.conversations)
  const { status, failure, next } = useSelector((state) => state.lists[list])
  const open = useSelector((state) => state.open)
  const rows = useMemo(() => conversationsOf(conversations, list === 'archived'), [conversations, list])
  if (failure)
    return (
      <FailureNote failure={failure}>
        <button type="button" class="button" onClick={() => void chat.loadList(list)}>
          Try again
        </button>
      </FailureNote>
    )
  if (status === 'loading' && rows.length === 0)
    return (
      <div class="skeleton-rows" role="status" aria-label="The conversations are loading">
        {[1, 2, 3, 4, 5].map((row) => (
          <span key={row} class="skeleton" />
        ))}
      </div>
    )
  if (rows.length === 0) return <p class="list-empty">{status === 'ready' && empty[list]}</p>
  return (
    <>
      <ul class="rows">
        {rows.map((conversation) => (
          <ConversationRow
            key={conversation.id}
            conversation={conversation}
            isOpen={conversation.id === open}
          />
        ))}
      </ul>
      {next !== null && (
        <button type="button" class="button list-more" onClick={() => chat.loadMore(list)}>
          {status === 'loading' ? 'Loading …' : 'Show older ones'}
        </button>
      )}
    </>
  )
}
