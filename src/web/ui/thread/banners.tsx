import { useChat } from '../../chat/chat.js'
import { openThread } from '../../store/select.js'
import { useSelector } from '../../store/store.js'
import { FailureNote } from '../parts/failure-note.js'

const offline = { code: 'unreachable', message: '' }

/** Why no message can be sent now, or why not all of them are shown. */
export const Banners = () => {
  const chat = useChat()
  const open = useSelector((state) => state.open)
  const { messages, failure } = useSelector(openThread)
  const isOffline = useSelector((state) => state.isOffline)
  const limit = useSelector((state) => state.limit)
  return (
    <>
      {isOffline && <FailureNote failure={offline} />}
      {limit && <FailureNote failure={limit} />}
      {!isOffline && messages.length > 0 && failure && (
        <FailureNote failure={failure}>
          <button type="button" class="button" onClick={() => void chat.readOn(open)}>
            Try again
          </button>
        </FailureNote>
      )}
    </>
  )
}
