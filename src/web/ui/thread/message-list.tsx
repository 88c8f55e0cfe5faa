import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { entriesOf, isRunning, openThread } from '../../store/select.js'
import { useSelector } from '../../store/store.js'
import { Answer } from './answer.js'
import { Question } from './question.js'

/** How near to its end a list still counts as being there. */
const NEAR_END = 80

/** The messages of the open conversation; it stays at its end unless the reader has scrolled up. */
export const MessageList = () => {
  const chat = useChat()
  const id = useSelector((state) => state.open)
  const thread = useSelector(openThread)
  const entries = useMemo(() => entriesOf(thread), [thread])
  const list = useRef<HTMLDivElement>(null)
  const isAtEnd = useRef(true)
  const isBusy = isRunning(thread)
  useEffect(() => {
    isAtEnd.current = true
  }, [id])
  useLayoutEffect(() => {
    if (isAtEnd.current && list.current) list.current.scrollTop = list.current.scrollHeight
  })
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current as HTMLDivElement
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END
    if (scrollTop < NEAR_END) void chat.loadOlder(id)
  }
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <div ref={list} class="messages" role="feed" aria-label="Messages" tabIndex={0} onScroll={onScroll}>
      {entries.map((entry) =>
        entry.kind === 'question' ? (
          <Question key={entry.key} entry={entry} isBusy={isBusy} />
        ) : (
          <Answer key={entry.key} entry={entry} threadId={id} isBusy={isBusy} />
        ),
      )}
    </div>
  )
}
