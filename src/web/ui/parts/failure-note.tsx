import type { ComponentChildren } from 'preact'
import { type Failure, kindOf } from '../../store/failure.js'
import { Icon } from './icon.js'
import { leftUntil, useNow } from './use-now.js'

const limits: Record<string, string> = {
  'running-turns': 'Too many of your answers are being written at once.',
  'waiting-messages': 'Too many of your messages are waiting for answers.',
  'turns-per-minute': 'You have sent many messages in a short time.',
  'turns-per-day': 'You have sent as many messages today as you may.',
  'tokens-per-day': 'You have used as many tokens today as you may.',
  'budget-per-day': 'What you may spend today is used up.',
  'budget-per-month': 'What you may spend this month is used up.',
}

const titles: Record<ReturnType<typeof kindOf>, string> = {
  offline: 'The server cannot be reached',
  'signed-out': 'You are signed out',
  'rate-limited': 'A limit is reached',
  'over-budget': 'Your budget is used up',
  'not-found': 'This conversation does not exist',
  busy: 'The server is busy',
  failed: 'Something went wrong',
}

const textOf = (failure: Failure): string => {
  const kind = kindOf(failure)
  if (kind === 'offline') return 'It goes on by itself as soon as the server answers again.'
  if (kind === 'not-found') return 'It may have been deleted, or it belongs to somebody else.'
  return limits[failure.limit ?? ''] ?? failure.message
}

/** When the server allows more, counted down. */
const Countdown = ({ until }: { until: number }) => {
  const now = useNow(until > Date.now())
  const left = leftUntil(until, now)
  return left === undefined ? null : (
    <p class="failure-countdown" role="timer">
      Try again in {left}.
    </p>
  )
}

interface Props {
  failure: Failure
  /** what can be done about it */
  children?: ComponentChildren
}

/** Says what went wrong, in words for people. */
export const FailureNote = ({ failure, children }: Props) => (
  <div class={`failure failure-${kindOf(failure)}`}>
    <Icon name="warning" />
    <div class="failure-text">
      <div role="alert">
        <strong>{titles[kindOf(failure)]}</strong>
        <p>{textOf(failure)}</p>
        {kindOf(failure) === 'failed' && failure.requestId && (
          <p class="failure-request">
            Request <code>{failure.requestId}</code>
          </p>
        )}
      </div>
      {failure.retryAt !== undefined && <Countdown until={failure.retryAt} />}
    </div>
    {children && <div class="failure-actions">{children}</div>}
  </div>
)
