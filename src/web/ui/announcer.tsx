import { useEffect, useRef, useState } from 'preact/hooks'
import { partsOf, textOf } from '../store/answer.js'
import { openThread } from '../store/select.js'
import { useSelector } from '../store/store.js'

/** What is said of a long answer, whose text can be read in the list. */
const MAX_SPOKEN = 1_000

/** Tells screen readers that an answer is being written, and what it says when it is there: not each of its words. */
export const Announcer = () => {
  const live = useSelector((state) => openThread(state).live)
  const messages = useSelector((state) => openThread(state).messages)
  const [text, setText] = useState('')
  const key = useRef<string | undefined>(undefined)
  useEffect(() => {
    if (live) {
      if (live.key !== key.current) setText('The answer is being written.')
      if (live.phase === 'failed') setText('')
      key.current = live.key
      return
    }
    if (key.current === undefined) return
    key.current = undefined
    const answer = messages.at(-1)
    if (answer?.role !== 'assistant') return setText('')
    const said = textOf(partsOf(answer)).slice(0, MAX_SPOKEN)
    setText(answer.status === 'cancelled' ? 'The answer was stopped.' : `Answer: ${said}`)
  }, [live, messages])
  return (
    <div class="visually-hidden" role="status">
      {text}
    </div>
  )
}
