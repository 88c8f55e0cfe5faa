import { useEffect } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { currentAssistant, openConversation, openThread } from '../../store/select.js'
import { type Conversation, isDraft } from '../../store/state.js'
import { useSelector } from '../../store/store.js'
import { Composer } from '../composer/composer.js'
import { FailureNote } from '../parts/failure-note.js'
import { IconButton } from '../parts/icon-button.js'
import { Menu } from '../parts/menu.js'
import { useConversationMenu } from '../sidebar/conversation-row.js'
import { Banners } from './banners.js'
import { MessageList } from './message-list.js'

const ConversationMenu = ({ conversation }: { conversation: Conversation }) => (
  <Menu label="More about this conversation" items={useConversationMenu(conversation)} />
)

const Welcome = () => {
  const assistant = useSelector(currentAssistant)
  return (
    <div class="welcome">
      <h2 dir="auto">{assistant?.title ?? 'What can I help with?'}</h2>
      {assistant?.description && <p dir="auto">{assistant.description}</p>}
    </div>
  )
}

const Skeleton = () => (
  <div class="messages messages-state" role="status" aria-label="The messages are loading">
    <span class="skeleton skeleton-question" />
    <span class="skeleton" />
    <span class="skeleton" />
    <span class="skeleton skeleton-short" />
  </div>
)

const Messages = () => {
  const chat = useChat()
  const id = useSelector((state) => state.open)
  const { status, failure, messages, live } = useSelector(openThread)
  if (messages.length > 0 || live) return <MessageList key={id} />
  if (failure)
    return (
      <div class="messages messages-state">
        <FailureNote failure={failure}>
          <button type="button" class="button" onClick={() => void chat.reload(id)}>
            Try again
          </button>
        </FailureNote>
      </div>
    )
  return status === 'loading' ? <Skeleton /> : <Welcome />
}

export const SHOW_LIST = 'show-list'

interface Props {
  isListShown: boolean
  /** whether the list lies over it */
  isCovered: boolean
  onShowList: () => void
}

/** The open conversation: its title, its messages, and the field for the next one. */
export const ThreadView = ({ isListShown, isCovered, onShowList }: Props) => {
  const conversation = useSelector(openConversation)
  const isNew = useSelector((state) => isDraft(state.open))
  const title = isNew ? 'New chat' : (conversation?.title ?? 'Conversation')
  useEffect(() => {
    document.title = `${title} – Colloquy`
  }, [title])
  return (
    <main class="thread" inert={isCovered}>
      <header class="thread-header">
        {!isListShown && <IconButton id={SHOW_LIST} icon="menu" label="Show the list" onClick={onShowList} />}
        <h1 class="thread-title" dir="auto">
          {title}
        </h1>
        {conversation && <ConversationMenu conversation={conversation} />}
      </header>
      <Messages />
      <div class="thread-footer">
        <Banners />
        <Composer />
      </div>
    </main>
  )
}
