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
  const open = useSelector((state) => state.open)
  const [text, setText] = useState('')
  /** the turn that is under way, and where: somebody may go to another conversation meanwhile */
  const turn = useRef<{ key?: string; open?: string }>({})
  useEffect(() => {
    const { key, open: place } = turn.current
    turn.current = live ? { key: live.key, open } : {}
    if (live) {
      if (live.key !== key) setText('The answer is being written.')
      if (live.phase === 'failed') setText('')
      return
    }
    if (key === undefined) return
    const answer = messages.at(-1)
    if (place !== open || answer?.role !== 'assistant') return setText('')
    const said = textOf(partsOf(answer)).slice(0, MAX_SPOKEN)
    setText(answer.status === 'cancelled' ? 'The answer was stopped.' : said && `Answer: ${said}`)
  }, [live, messages, open])
  return (
    <div class="visually-hidden" role="status">
      {text}
    </div>
  )
}
