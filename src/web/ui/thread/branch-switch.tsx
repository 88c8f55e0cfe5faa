import { useChat } from '../../chat/chat.js'
import type { Message } from '../../store/state.js'
import { IconButton } from '../parts/icon-button.js'

/** Goes through the versions of a message: each stands on a branch of its own. */
export const BranchSwitch = ({ message, isDisabled }: { message: Message; isDisabled: boolean }) => {
  const chat = useChat()
  const { id, conversation_id, sibling_ids, sibling_count } = message
  if (sibling_count < 2) return null
  const at = sibling_ids.indexOf(id)
  // Of very many only the newest are named.
  const unnamed = sibling_count - sibling_ids.length
  const step = (offset: number) => {
    const sibling = sibling_ids[at + offset]
    if (!sibling) return
    const focus = () => document.querySelector<HTMLElement>(`[data-key="${sibling}"]`)?.focus()
    void chat.switchBranch(conversation_id, sibling).then(() => requestAnimationFrame(focus))
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form
    <span class="branches" role="group" aria-label="Versions">
      <IconButton
        icon="back"
        label="Previous version"
        isDisabled={isDisabled || at <= 0}
        onClick={() => step(-1)}
      />
      <span class="branches-place">
        {unnamed + at + 1} of {sibling_count}
      </span>
      <IconButton
        icon="forward"
        label="Next version"
        isDisabled={isDisabled || at < 0 || at + 1 >= sibling_ids.length}
        onClick={() => step(1)}
      />
    </span>
  )
}
