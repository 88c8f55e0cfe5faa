import { useEffect, useRef, useState } from 'preact/hooks'
import { isSendable } from '../composer/length.js'
import { isSendKey } from '../focus.js'

interface Props {
  text: string
  isBusy: boolean
  onSave: (text: string) => void
  onCancel: () => void
}

/** Changes a message: the new one stands beside the old one, and is answered anew. */
export const QuestionEditor = ({ text, isBusy, onSave, onCancel }: Props) => {
  const [next, setNext] = useState(text)
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    field.current?.focus()
    field.current?.setSelectionRange(text.length, text.length)
  }, [])
  const canSave = !isBusy && isSendable(next) && next !== text
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape' && !event.isComposing) {
      event.preventDefault()
      onCancel()
    } else if (isSendKey(event)) {
      event.preventDefault()
      if (canSave) onSave(next)
    }
  }
  return (
    <div class="question question-editor">
      <textarea
        ref={field}
        aria-label="Edit your message"
        dir="auto"
        rows={2}
        value={next}
        onInput={(event) => setNext(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <div class="editor-actions">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class="button button-primary" disabled={!canSave} onClick={() => onSave(next)}>
          Send
        </button>
      </div>
    </div>
  )
}
