import { useRef } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { useSelector } from '../../store/store.js'
import { focusComposer } from '../focus.js'
import { Dialog } from '../parts/dialog.js'

export const DeleteDialog = ({ id, onClose }: { id: string; onClose: () => void }) => {
  const chat = useChat()
  const title = useSelector((state) => state.conversations[id]?.title)
  const actions = useRef<HTMLDivElement>(null)
  const close = () => actions.current?.closest('dialog')?.close()
  return (
    <Dialog title="Delete this conversation?" onClose={onClose}>
      <p>
        <bdi>{title ?? 'New conversation'}</bdi> and all of its messages will be gone. This cannot be undone.
      </p>
      <div ref={actions} class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button
          type="button"
          class="button button-danger"
          onClick={() => {
            close()
            void chat.remove(id).then(focusComposer)
          }}
        >
          Delete
        </button>
      </div>
    </Dialog>
  )
}
