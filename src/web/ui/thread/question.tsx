import { useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import type { Entry } from '../../store/select.js'
import { focusComposer } from '../focus.js'
import { CopyButton } from '../parts/copy-button.js'
import { IconButton } from '../parts/icon-button.js'
import { BranchSwitch } from './branch-switch.js'
import { QuestionEditor } from './question-editor.js'

interface Props {
  entry: Entry & { kind: 'question' }
  isBusy: boolean
}

/** What the user has said. */
export const Question = ({ entry: { message, live }, isBusy }: Props) => {
  const chat = useChat()
  const [isEditing, setEditing] = useState(false)
  const text = message?.content ?? live?.request?.message ?? ''
  if (message && isEditing) {
    const close = () => {
      setEditing(false)
      focusComposer()
    }
    const save = (next: string) => {
      close()
      chat.turns.send(message.conversation_id, next, { parent_id: message.parent_id })
    }
    return <QuestionEditor text={text} isBusy={isBusy} onSave={save} onCancel={close} />
  }
  return (
    <div class="question">
      <p class="question-text" dir="auto">
        {text}
      </p>
      <div class="message-actions">
        {message && <BranchSwitch message={message} isDisabled={isBusy} />}
        <CopyButton label="Copy" text={() => text} />
        {message && (
          <IconButton
            icon="edit"
            label="Edit"
            isDisabled={isBusy}
            onClick={() => setEditing(true)}
            class="edit"
          />
        )}
      </div>
    </div>
  )
}
