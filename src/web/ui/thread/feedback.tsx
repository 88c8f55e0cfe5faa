import { useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import type { Message } from '../../store/state.js'
import { IconButton } from '../parts/icon-button.js'

const MAX_COMMENT = 2_000

/** Thumbs for an answer. */
export const Thumbs = ({ message }: { message: Message }) => {
  const chat = useChat()
  const { id, feedback } = message
  const rating = feedback?.rating
  const rate = (next: 'up' | 'down') =>
    void chat.rate(id, rating === next ? null : next, feedback?.comment ?? undefined)
  return (
    <>
      <IconButton icon="thumbUp" label="Good answer" isPressed={rating === 'up'} onClick={() => rate('up')} />
      <IconButton
        icon="thumbDown"
        label="Bad answer"
        isPressed={rating === 'down'}
        onClick={() => rate('down')}
      />
    </>
  )
}

/** Asks what was wrong with an answer that got a thumb down. */
export const Comment = ({ message }: { message: Message }) => {
  const chat = useChat()
  const { id, feedback } = message
  const [text, setText] = useState('')
  if (feedback?.rating !== 'down') return null
  if (feedback.comment)
    return (
      <p class="comment" dir="auto">
        {feedback.comment}
      </p>
    )
  const submit = (event: Event) => {
    event.preventDefault()
    if (text.trim()) void chat.rate(id, 'down', text)
  }
  return (
    <form class="comment-form" onSubmit={submit}>
      <input
        aria-label="What was wrong with the answer?"
        placeholder="What was wrong with the answer?"
        dir="auto"
        maxLength={MAX_COMMENT}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit" class="button" disabled={text.trim() === ''}>
        Send
      </button>
    </form>
  )
}
