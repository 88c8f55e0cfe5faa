import type { MessageRow, Stored, TurnRow } from './stored.js'

/** The position of a turn's answer. */
const endOf = ({ position, answer_position }: TurnRow): number => answer_position ?? position + 1

/** What is wrong with the messages of one conversation: positions without gaps, whole turns, each after one before. */
const messageFaults = (messages: MessageRow[], turnOf: (id: string) => TurnRow | undefined): string[] =>
  messages.flatMap((message, i) => {
    const { position, role, parent_id, turn_id } = message
    const turn = turnOf(turn_id)
    const faults: string[] = []
    const where = `message ${position} of turn ${turn_id}`
    if (position !== i + 1) faults.push(`${where} is in place ${i + 1}`)
    const parent = messages.find(({ id }) => id === parent_id)
    if (parent_id !== null && !parent) faults.push(`${where} follows none of its conversation`)
    if (parent && parent.position >= position) faults.push(`${where} comes before the one that it follows`)
    if (parent && parent.role === role) faults.push(`${where} follows another ${role}'s`)
    if (!turn) return [...faults, `${where} is of no turn`]
    if (role === 'assistant') {
      if (turn.message_id !== message.id || turn.user_message_id !== parent_id)
        faults.push(`${where} answers another turn`)
      if (position !== endOf(turn)) faults.push(`${where} is not in its place`)
      if (turn.status !== message.status)
        faults.push(`${where} is ${message.status}, its turn ${turn.status}`)
    } else {
      if (turn.user_message_id !== message.id) faults.push(`${where} is written twice`)
      if ((turn.status === 'running') !== !messages.some(({ id }) => id === turn.message_id))
        faults.push(`${where} is torn`)
    }
    return faults
  })

/** What is wrong with the rows that are stored, whatever was asked in whatever order; nothing in a sound database. */
export const faultsOf = ({
  conversations,
  turns,
  messages,
  keys,
  events,
  usage,
  counts,
  spending,
  reservations,
}: Stored): string[] => {
  const turnOf = (id: string) => turns.find((turn) => turn.id === id)
  const ofConversations = conversations.flatMap(({ id, last_position, last_turn_id }) => {
    const mine = messages.filter(({ conversation_id }) => conversation_id === id)
    const last = turnOf(last_turn_id)
    const running = turns.filter((turn) => turn.conversation_id === id && turn.status === 'running')
    const others = running.filter((turn) => turn.id !== last_turn_id).map((turn) => turn.id)
    // The answer of the turn that runs has its position already.
    const given = mine.length + running.length
    return [
      ...(last?.conversation_id === id
        ? []
        : [`the last turn of ${id} is ${last_turn_id}, which is not there`]),
      ...(last && endOf(last) !== last_position ? [`the last turn of ${id} is not at its end`] : []),
      ...(others.length === 0
        ? []
        : [`${others.join(' and ')} is running, and is not the last turn of ${id}`]),
      ...(given === last_position ? [] : [`${id} has given out ${last_position} positions, not ${given}`]),
      ...messageFaults(mine, turnOf),
    ]
  })
  const isThere = (row: { user_id: string; conversation_id: string }) =>
    conversations.some(({ id, user_id }) => id === row.conversation_id && user_id === row.user_id)
  const orphans = [
    ...turns.filter((turn) => !isThere(turn)).map(({ id }) => `turn ${id} has no conversation`),
    ...messages.filter((it) => !isThere(it)).map(({ id }) => `message ${id} has no conversation`),
  ]
  const ofTurns = turns
    .filter(
      ({ user_message_id, position }) =>
        !messages.some((message) => message.id === user_message_id && message.position === position),
    )
    .map(({ id }) => `turn ${id} has no message in its place`)
  const ofKeys = keys
    .filter(({ conversation_id }) => conversations.some(({ id }) => id === conversation_id))
    .filter(({ turn_id }) => !turnOf(turn_id))
    .map(({ turn_id }) => `a key has made turn ${turn_id}, which is not there`)
  const ofEvents = events
    .filter(
      ({ turn_id, attempt }) => turnOf(turn_id)?.status !== 'running' || turnOf(turn_id)?.attempt !== attempt,
    )
    .map(({ turn_id, attempt }) => `what attempt ${attempt} of turn ${turn_id} said is left over`)
  const ofUsage = [...new Set(turns.map(({ user_id }) => user_id))].flatMap((user) => {
    const ended = turns.filter((turn) => turn.user_id === user && (turn.finished_at || turn.attempt > 1))
    const counted = usage.filter(({ user_id }) => user_id === user).reduce((sum, row) => sum + row.turns, 0)
    // Those of deleted conversations stay counted.
    return counted >= ended.length ? [] : [`${counted} of ${user}'s ${ended.length} turns are counted`]
  })
  const ofCounts = turns
    .filter(({ id, user_id, status }) => {
      const running = counts.find((row) => row.user_id === user_id)?.running ?? []
      return status === 'running' && running.filter((counted) => counted === id).length !== 1
    })
    .map(({ id }) => `turn ${id} runs, and is not counted once`)
  const taken = spending.reduce((sum, { spent }) => sum + spent, 0)
  const held = [...turns, ...reservations].reduce(
    (sum, { reserved, reserved_on }) => sum + (reserved_on ? (reserved ?? 0) : 0),
    0,
  )
  const ofSpending = [
    ...(taken < held ? [`${held} of the budget for all users are reserved, and ${taken} are taken`] : []),
    ...spending
      .filter(({ spent, days }) => spent !== days.reduce((sum, each) => sum + each, 0))
      .map(({ month }) => `the days of ${month} are not the month`),
  ]
  return [
    ...ofSpending,
    ...ofConversations,
    ...orphans,
    ...ofTurns,
    ...ofKeys,
    ...ofEvents,
    ...ofUsage,
    ...ofCounts,
  ]
}
