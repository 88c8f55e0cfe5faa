import { setTimeout as delay } from 'node:timers/promises'
import type { Check, Context, Judged, StreamEvent, User } from '../check.js'
import { expect, shortMessage } from '../samples.js'

type Wanted = Partial<StreamEvent>

const fits = (event: StreamEvent, wanted: Wanted): boolean =>
  Object.entries(wanted).every(([name, value]) => event[name] === value)

/** Reads a user's updates; `act` is called when the stream stands, and gives the id of the conversation whose creation ends it. */
const follow = async (
  context: Context,
  as: User,
  act: () => Promise<string>,
  headers: Record<string, string> = {},
): Promise<Judged> => {
  let last: string | undefined
  let acting: Promise<void> | undefined
  const seen: string[] = []
  const stream = await context.call('streamUpdates', {
    as,
    headers,
    expect: 200,
    onFrame({ data }) {
      acting ??= act().then(async (id) => {
        last = id
        // It may have been told before its answer came. This one is told after that, so there is another frame.
        await context.conversation(as)
      })
      const { type, conversation_id } = JSON.parse(data)
      if (type === 'conversation-created') seen.push(conversation_id)
      return last !== undefined && seen.includes(last)
    },
  })
  await acting
  return stream
}

const lacks = (stream: Judged, wanted: Wanted): void =>
  expect(
    stream.events.some((event) => fits(event, wanted)),
    `there is no event ${JSON.stringify(wanted)} among ${stream.events.map(({ type }) => type).join(', ')}`,
    `UpdateEvent, ${wanted.type}`,
    stream,
  )

const tells = async (context: Context): Promise<void> => {
  const { a } = context
  const told: Wanted[] = []
  const stream = await follow(context, a, async () => {
    const conversation_id = await context.conversation(a)
    const path = { conversation_id }
    await context.call('updateConversation', { path, body: { archived: true }, expect: 200 })
    await context.call('deleteConversation', { path, expect: 204 })
    told.push(
      { type: 'conversation-updated', conversation_id },
      { type: 'conversation-deleted', conversation_id },
    )
    return context.conversation(a)
  })
  for (const wanted of told) lacks(stream, wanted)
}

const tellsTurns = async (context: Context): Promise<void> => {
  const told: Wanted[] = []
  const stream = await follow(context, context.a, async () => {
    const conversation_id = await context.conversation()
    const body = { conversation_id, message: shortMessage }
    const { json } = await context.call('createTurn', { body, expect: 200 })
    const { turn_id, status } = json
    told.push(
      { type: 'conversation-created', conversation_id },
      { type: 'turn-started', conversation_id, turn_id },
      { type: 'turn-ended', conversation_id, turn_id, status },
    )
    return context.conversation()
  })
  for (const wanted of told) lacks(stream, wanted)
}

const ofOneUser = async (context: Context): Promise<void> => {
  const { a, b } = context
  let others = ''
  const stream = await follow(context, a, async () => {
    others = await context.conversation(b)
    return context.conversation(a)
  })
  expect(
    !stream.events.some(({ conversation_id }) => conversation_id === others),
    "a conversation of another user's is told",
    'Who may call',
    stream,
  )
}

const leave = { expect: 200, onFrame: () => true }

const goesOn = async (context: Context): Promise<void> => {
  const first = await context.call('streamUpdates', leave)
  const id = await context.conversation()
  // Who still read would have been told by now.
  await delay(1_500)
  const headers = { 'last-event-id': first.events[0]?.frameId ?? '' }
  const again = await follow(context, context.a, () => context.conversation(), headers)
  // An import, or an erasure, has come in between.
  if (again.events[0]?.type === 'reset') return
  lacks(again, { type: 'conversation-created', conversation_id: id })
}

const begins = async (context: Context): Promise<void> => {
  const reset = await context.call('streamUpdates', { ...leave, headers: { 'last-event-id': 'altered' } })
  const [first] = reset.events
  expect(first?.type === 'reset', `it begins with ${first?.type}`, 'streamUpdates: begins with reset', reset)
  const headers = { 'last-event-id': first?.frameId ?? '' }
  const again = await context.call('streamUpdates', { ...leave, headers })
  expect(
    again.events[0]?.type === 'ready',
    `after the id of reset comes ${again.events[0]?.type}`,
    'streamUpdates: Last-Event-ID',
    again,
  )
}

/** What changes, as it is told. */
export const updateChecks: Check[] = [
  {
    id: 'updates.conversations',
    title: 'changes of conversations are told',
    operation: 'streamUpdates',
    run: tells,
  },
  {
    id: 'updates.turns',
    title: 'a turn is told to have begun, and to have ended',
    operation: 'streamUpdates',
    run: tellsTurns,
  },
  {
    id: 'updates.isolation',
    title: "no change of another user's is told",
    operation: 'streamUpdates',
    run: ofOneUser,
  },
  {
    id: 'updates.resume',
    title: 'what changed while nobody read is told after Last-Event-ID',
    operation: 'streamUpdates',
    run: goesOn,
  },
  {
    id: 'updates.reset',
    title: 'a Last-Event-ID that nothing can go on after begins with reset',
    operation: 'streamUpdates',
    run: begins,
  },
]
