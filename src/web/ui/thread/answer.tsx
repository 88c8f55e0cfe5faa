import { useMemo } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { Markdown } from '../../markdown/markdown.js'
import { type Part, partsOf, textOf } from '../../store/answer.js'
import { kindOf } from '../../store/failure.js'
import type { Entry } from '../../store/select.js'
import type { LiveTurn, Message } from '../../store/state.js'
import { focusComposer } from '../focus.js'
import { CopyButton } from '../parts/copy-button.js'
import { FailureNote } from '../parts/failure-note.js'
import { IconButton } from '../parts/icon-button.js'
import { BranchSwitch } from './branch-switch.js'
import { Comment, Thumbs } from './feedback.js'
import { Reasoning } from './reasoning.js'
import { ToolCall } from './tool-call.js'

const PartView = ({ part }: { part: Part }) => {
  if (part.type === 'tool') return <ToolCall call={part.call} />
  if (part.type === 'reasoning') return <Reasoning text={part.text} isOpen={part.isOpen} />
  return <Markdown text={part.text} isStreaming={part.isOpen} />
}

const Parts = ({ parts }: { parts: readonly Part[] }) => (
  <>
    {parts.map((part) => (
      <PartView key={`${part.type} ${part.id}`} part={part} />
    ))}
  </>
)

/** Why an answer is not a whole one. */
const endings: Record<string, string> = {
  cancelled: 'You stopped this answer.',
  interrupted: 'This answer was interrupted.',
  length: 'This answer is cut off at the longest that it may be.',
  'content-filter': 'The content filter stopped this answer.',
}

const StoredAnswer = ({ message, isBusy }: { message: Message; isBusy: boolean }) => {
  const chat = useChat()
  const parts = useMemo(() => partsOf(message), [message])
  const { status, finish_reason, error } = message
  const ending = endings[status] ?? endings[finish_reason ?? '']
  const again = () => {
    chat.turns.regenerate(message)
    focusComposer()
  }
  return (
    <div class="answer">
      <Parts parts={parts} />
      {ending && <p class="answer-ending">{ending}</p>}
      {error && status === 'failed' && <FailureNote failure={{ code: error.code, message: error.detail }} />}
      {(status === 'failed' || status === 'interrupted') && (
        <button type="button" class="button" disabled={isBusy} onClick={again}>
          Try again
        </button>
      )}
      <div class="message-actions">
        <BranchSwitch message={message} isDisabled={isBusy} />
        <CopyButton label="Copy the answer" text={() => textOf(parts)} />
        <Thumbs message={message} />
        <IconButton icon="refresh" label="Another answer" isDisabled={isBusy} onClick={again} />
      </div>
      <Comment message={message} />
    </div>
  )
}

const LiveAnswer = ({ live, threadId }: { live: LiveTurn; threadId: string }) => {
  const chat = useChat()
  const { parts, phase, failure } = live
  const act = (work: (id: string) => void) => () => {
    work(threadId)
    focusComposer()
  }
  const isWaiting = parts.every((part) => part.type === 'text' && part.text === '')
  return (
    <div class="answer" aria-busy={phase !== 'failed'}>
      <Parts parts={parts} />
      {isWaiting && phase !== 'failed' && (
        <span class="waiting" role="img" aria-label="The answer is about to come">
          <span />
          <span />
          <span />
        </span>
      )}
      {failure && (
        <FailureNote failure={failure}>
          {kindOf(failure) !== 'signed-out' && (
            <button type="button" class="button" onClick={act((id) => chat.turns.retry(id))}>
              Try again
            </button>
          )}
          {live.request?.message !== undefined && live.turnId === undefined && (
            <button type="button" class="button" onClick={act((id) => chat.turns.withdraw(id))}>
              Take it back
            </button>
          )}
        </FailureNote>
      )}
    </div>
  )
}

interface Props {
  entry: Entry & { kind: 'answer' }
  threadId: string
  isBusy: boolean
}

/** What the model has said, or is saying. */
export const Answer = ({ entry: { message, live }, threadId, isBusy }: Props) =>
  message ? (
    <StoredAnswer message={message} isBusy={isBusy} />
  ) : (
    <LiveAnswer live={live} threadId={threadId} />
  )
