import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { LongList, type LongListHandle } from '../../long-list/long-list.js'
import { type Entry, entriesOf, isRunning, openThread } from '../../store/select.js'
import { useSelector, useStore } from '../../store/store.js'
import { focusComposer } from '../focus.js'
import { IconButton } from '../parts/icon-button.js'
import { Answer } from './answer.js'
import { Question } from './question.js'

const keyOf = ({ key }: Entry): string => key
const labelOf = ({ kind }: Entry): string => (kind === 'question' ? 'You' : 'Answer')

/** Scrolls to the message that was searched, as soon as it is loaded. */
const useTarget = (list: { current: LongListHandle | null }, entries: readonly Entry[]) => {
  const { dispatch } = useStore()
  const target = useSelector((state) => state.target)
  useEffect(() => {
    if (target === undefined) return
    // The list first has to come to rest with what was loaded.
    const frame = requestAnimationFrame(() => {
      if (list.current?.scrollTo(target, { focus: true })) dispatch({ type: 'target-shown' })
    })
    return () => cancelAnimationFrame(frame)
  }, [target, entries])
}

/** The messages of the open conversation. */
export const MessageList = () => {
  const chat = useChat()
  const id = useSelector((state) => state.open)
  const thread = useSelector(openThread)
  const entries = useMemo(() => entriesOf(thread), [thread])
  const [isAtEnd, setAtEnd] = useState(true)
  const list = useRef<LongListHandle>(null)
  const isBusy = isRunning(thread)
  useTarget(list, entries)
  const { live } = thread
  // Who sends a message wants to see its answer.
  useEffect(() => {
    if (live?.phase === 'sending') list.current?.scrollToEnd()
  }, [live?.key])
  const renderItem = useCallback(
    (entry: Entry) =>
      entry.kind === 'question' ? (
        <Question entry={entry} isBusy={isBusy} />
      ) : (
        <Answer entry={entry} threadId={id} isBusy={isBusy} />
      ),
    [id, isBusy],
  )
  return (
    <div class="messages">
      <LongList
        items={entries}
        keyOf={keyOf}
        renderItem={renderItem}
        labelOf={labelOf}
        label="Messages"
        isBusy={thread.status === 'loading'}
        onNearTop={() => void chat.loadOlder(id)}
        onAtEndChange={setAtEnd}
        handle={list}
      />
      {!isAtEnd && (
        <IconButton
          icon="arrowDown"
          label="Go to the newest message"
          class="to-end"
          onClick={() => {
            list.current?.scrollToEnd()
            focusComposer()
          }}
        />
      )}
    </div>
  )
}
