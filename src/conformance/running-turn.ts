import { type Context, type Judged, NotSeen } from './check.js'

/** What takes any model a while, so that its turn can be met while it runs. */
export const longMessage =
  'Write the numbers from 1 to 200 in English words, one number per line, without anything else.'

export interface RunningTurn {
  turn_id: string
  conversation_id: string
  user_message_id: string
  /** the body and the key with which it was begun */
  body: { conversation_id: string; message: string }
  key: string
  /** whether its stream has ended */
  hasEnded(): boolean
  /** the whole stream */
  stream: Promise<Judged>
}

/** Begins a turn that takes a while, and returns as soon as its first words have come. */
const beginLongTurn = async (context: Context, key: string): Promise<RunningTurn> => {
  const body = { conversation_id: await context.conversation(), message: longMessage }
  let hasEnded = false
  let ids: Omit<RunningTurn, 'body' | 'key' | 'hasEnded' | 'stream'> | undefined
  let resolveStarted = () => {}
  const started = new Promise<void>((resolve) => {
    resolveStarted = resolve
  })
  const stream = context
    .call('streamNewTurn', {
      body,
      headers: { 'idempotency-key': key },
      expect: 200,
      onFrame: ({ data }) => {
        if (data.includes('"data-turn"')) ids ??= JSON.parse(data).data
        if (data.includes('"text-delta"')) resolveStarted()
        return undefined
      },
    })
    .finally(() => {
      hasEnded = true
      resolveStarted()
    })
  // A check that ends before the stream does must not leave a rejection that nobody handles.
  stream.catch(() => {})
  await started
  if (!ids) await stream
  if (!ids || hasEnded) throw new NotSeen('the model answered too fast for its turn to be met while it ran')
  return { ...ids, body, key, hasEnded: () => hasEnded, stream }
}

/** What is seen of a running turn can be judged only if it ran until then. */
export const stillRan = (turn: RunningTurn): void => {
  if (turn.hasEnded()) throw new NotSeen('the turn ended before it could be looked at')
}

/** Stops the turn when the check is over, so that it costs no more than it has to. */
export const withLongTurn = async (
  context: Context,
  key: string,
  use: (turn: RunningTurn) => Promise<void>,
): Promise<void> => {
  const turn = await beginLongTurn(context, key)
  try {
    await use(turn)
  } finally {
    const path = { turn_id: turn.turn_id }
    if (!turn.hasEnded()) await context.call('cancelTurn', { path }).catch(() => {})
    await turn.stream.catch(() => {})
  }
}
