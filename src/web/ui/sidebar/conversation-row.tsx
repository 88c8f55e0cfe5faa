import { useChat } from '../../chat/chat.js'
import { hrefOf } from '../../chat/route.js'
import type { Conversation } from '../../store/state.js'
import { useDialogs } from '../dialogs/dialogs.js'
import { focusComposer } from '../focus.js'
import { Icon } from '../parts/icon.js'
import { Menu, type MenuItem } from '../parts/menu.js'

/** What can be done with a conversation as a whole. */
export const useConversationMenu = ({ id, archived, pinned }: Conversation): MenuItem[] => {
  const chat = useChat()
  const openDialog = useDialogs()
  return [
    { icon: 'edit', label: 'Rename', onSelect: () => openDialog({ kind: 'rename', id }) },
    { icon: 'pin', label: pinned ? 'Unpin' : 'Pin', onSelect: () => void chat.pin(id, !pinned) },
    {
      icon: 'archive',
      label: archived ? 'Take out of the archive' : 'Archive',
      onSelect: () => void chat.archive(id, !archived).then(focusComposer),
    },
    { icon: 'chart', label: 'Usage and cost', onSelect: () => openDialog({ kind: 'costs', id }) },
    { icon: 'download', label: 'Export', onSelect: () => void chat.exportConversation(id) },
    {
      icon: 'trash',
      label: 'Delete',
      isDangerous: true,
      onSelect: () => openDialog({ kind: 'delete', id }),
    },
  ]
}

interface Props {
  conversation: Conversation
  isOpen: boolean
}

export const ConversationRow = ({ conversation, isOpen }: Props) => {
  const { id, title, pinned, running_turn_id } = conversation
  const name = title ?? 'New conversation'
  return (
    <li class={isOpen ? 'row row-open' : 'row'}>
      <a class="row-link" href={hrefOf(id)} aria-current={isOpen ? 'page' : undefined}>
        {pinned && <Icon name="pin" />}
        <span class="row-title" dir="auto">
          {name}
        </span>
        {running_turn_id && <span class="row-running" role="img" aria-label="An answer is being written" />}
      </a>
      <Menu label={`More about ${name}`} items={useConversationMenu(conversation)} />
    </li>
  )
}
