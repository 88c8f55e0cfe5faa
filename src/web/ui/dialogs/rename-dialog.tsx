import { useRef, useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { useSelector } from '../../store/store.js'
import { Dialog } from '../parts/dialog.js'

const MAX_TITLE = 200

export const RenameDialog = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const chat = useChat()
  const title = useSelector((state) => state.conversations[id]?.title ?? '')
  const [text, setText] = useState(title)
  const form = useRef<HTMLFormElement>(null)
  const submit = (event: Event) => {
    event.preventDefault()
    form.current?.closest('dialog')?.close()
    if (text.trim() !== '' && text !== title) void chat.rename(id, text.trim())
  }
  return (
    <Dialog title="Rename" onClose={onClose}>
      <form ref={form} onSubmit={submit}>
        <label class="field">
          <span>Title</span>
          <input
            dir="auto"
            maxLength={MAX_TITLE}
            value={text}
            autofocus
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <div class="dialog-actions">
          <button type="submit" class="button button-primary" disabled={text.trim() === ''}>
            Rename
          </button>
        </div>
      </form>
    </Dialog>
  )
}
