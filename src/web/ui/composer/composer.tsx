import { useEffect } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { isBlocked, isRunning, openThread } from '../../store/select.js'
import { useSelector, useStore } from '../../store/store.js'
import { COMPOSER, focusComposer, isSendKey } from '../focus.js'
import { IconButton } from '../parts/icon-button.js'
import { Choices } from './choices.js'
import { isSendable, lengthOf, MAX_MESSAGE } from './length.js'

/** From here on it is said how much room is left. */
const NEARLY_FULL = MAX_MESSAGE * 0.9

/** Edits the last message: its button is the last of its kind. */
const editLast = (): void => {
  const buttons = document.querySelectorAll<HTMLButtonElement>('.question .edit:not(:disabled)')
  buttons[buttons.length - 1]?.click()
}

export const Composer = () => {
  const chat = useChat()
  const { dispatch } = useStore()
  const id = useSelector((state) => state.open)
  const running = useSelector((state) => isRunning(openThread(state)))
  const isStopping = useSelector((state) => openThread(state).live?.phase === 'stopping')
  const blocked = useSelector(isBlocked)
  const text = useSelector(({ drafts }) => drafts[id] ?? '')
  const setText = (next: string) => dispatch({ type: 'drafted', id, text: next })
  useEffect(focusComposer, [id])

  const canSend = !running && !blocked && isSendable(text)
  const length = lengthOf(text)
  const send = () => {
    if (!canSend) return
    setText('')
    chat.turns.send(id, text)
    focusComposer()
  }
  const stop = () => {
    chat.turns.stop(id)
    focusComposer()
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (isSendKey(event)) {
      event.preventDefault()
      send()
    } else if (event.key === 'ArrowUp' && text === '') {
      event.preventDefault()
      editLast()
    }
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      <textarea
        id={COMPOSER}
        aria-label="Your message"
        placeholder="Write a message"
        dir="auto"
        rows={1}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="composer-actions">
        <Choices />
        {length > NEARLY_FULL && (
          <span class={length > MAX_MESSAGE ? 'composer-length too-long' : 'composer-length'} role="status">
            {length > MAX_MESSAGE
              ? `${length - MAX_MESSAGE} characters too long`
              : `${MAX_MESSAGE - length} left`}
          </span>
        )}
        {running ? (
          <button
            type="button"
            class="send stop"
            aria-label="Stop the answer"
            title="Stop the answer"
            disabled={isStopping}
            onClick={stop}
          >
            <span class="stop-mark" />
          </button>
        ) : (
          <IconButton icon="send" label="Send" class="send" isDisabled={!canSend} onClick={send} />
        )}
      </div>
    </form>
  )
}
