import { useEffect, useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { NEW_CHAT } from '../../chat/route.js'
import type { Session } from '../../session/session.js'
import type { ListName } from '../../store/actions.js'
import { useSelector } from '../../store/store.js'
import { focusComposer } from '../focus.js'
import { Icon } from '../parts/icon.js'
import { IconButton } from '../parts/icon-button.js'
import { Account } from './account.js'
import { ConversationList } from './conversation-list.js'
import { SearchResults } from './search-results.js'

export const SEARCH_FIELD = 'search'
export const HIDE_LIST = 'hide-list'

interface Props {
  session: Session
  isShown: boolean
  onHide: () => void
}

/** Goes to a new chat; the address may be that of one already. */
export const useNewChat = () => {
  const chat = useChat()
  return () => {
    if (location.hash === NEW_CHAT) chat.openNew()
    else location.hash = NEW_CHAT
    focusComposer()
  }
}

export const Sidebar = ({ session, isShown, onHide }: Props) => {
  const chat = useChat()
  const newChat = useNewChat()
  const [list, setList] = useState<ListName>('active')
  const [text, setText] = useState('')
  const archived = useSelector((state) => state.lists.archived.status)
  useEffect(() => {
    if (list === 'archived' && archived === 'idle') void chat.loadList('archived')
  }, [list, archived, chat])
  const search = (next: string) => {
    setText(next)
    chat.search(next)
  }
  return (
    <aside class={isShown ? 'sidebar' : 'sidebar sidebar-hidden'} aria-label="Conversations" inert={!isShown}>
      <header class="sidebar-header">
        <p class="brand">Colloquy</p>
        <IconButton id={HIDE_LIST} icon="back" label="Hide the list" onClick={onHide} />
      </header>
      <button type="button" class="button button-new" onClick={newChat}>
        <Icon name="plus" /> New chat
      </button>
      <search class="search">
        <Icon name="search" />
        <input
          id={SEARCH_FIELD}
          type="search"
          aria-label="Search your conversations"
          placeholder="Search"
          dir="auto"
          maxLength={200}
          value={text}
          onInput={(event) => search(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || text === '') return
            event.preventDefault()
            search('')
          }}
        />
      </search>
      <nav class="sidebar-list" aria-label={text.trim() ? 'Search results' : 'Conversations'} tabIndex={-1}>
        {text.trim() ? <SearchResults /> : <ConversationList list={list} />}
      </nav>
      <button
        type="button"
        class="button button-quiet"
        aria-pressed={list === 'archived'}
        onClick={() => setList(list === 'active' ? 'archived' : 'active')}
      >
        <Icon name={list === 'active' ? 'archive' : 'back'} />
        {list === 'active' ? 'Archive' : 'Back to your conversations'}
      </button>
      <Account session={session} />
    </aside>
  )
}
