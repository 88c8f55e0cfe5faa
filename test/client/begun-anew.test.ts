import t from 'tap'
import { transportOf } from '../helpers/transport.js'

const ids = {
  turn_id: 'a0000000-0000-7000-8000-000000000001',
  conversation_id: 'a0000000-0000-7000-8000-000000000002',
}

/** An attempt's frames, from its start. */
const attempt = (number: number, words: string[], end: object[] = []): string => {
  const events = [
    { type: 'start', messageId: 'm' },
    { type: 'data-turn', data: { ...ids, status: 'running', attempt: number }, transient: true },
    { type: 'start-step' },
    { type: 'text-start', id: 't' },
    ...words.map((delta) => ({ type: 'text-delta', id: 't', delta })),
    ...end,
  ]
  return events.map((event, i) => `id: ${number}-${i}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}
const finished = [{ type: 'text-end', id: 't' }, { type: 'finish-step' }, { type: 'finish' }]
const done = 'id: 9-9\ndata: [DONE]\n\n'

/** Reads a message whose connection is cut after the first of these answers, and resumed with the next. */
const read = async (...answers: string[]): Promise<{ text: string; thought: string; error?: string }> => {
  const responses = answers.values()
  const transport = transportOf('http://127.0.0.1:1', {
    fetch: async () =>
      new Response(responses.next().value ?? done, { headers: { 'content-type': 'text/event-stream' } }),
  })
  const stream = await transport.sendMessages({
    trigger: 'submit-message',
    chatId: 'c',
    messageId: undefined,
    messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    abortSignal: undefined,
  })
  let text = ''
  let thought = ''
  try {
    for await (const chunk of stream) {
      if (chunk.type === 'text-delta') text += chunk.delta
      if (chunk.type === 'reasoning-delta') thought += chunk.delta
    }
    return { text, thought }
  } catch (error) {
    return { text, thought, error: (error as Error).message }
  }
}

t.test('what comes again is left out, and the rest is added', async (t) => {
  const again = attempt(1, ['one two ', 'three'], finished) + done
  t.same(
    await read(attempt(1, ['one ', 'two ']), again),
    { text: 'one two three', thought: '' },
    'cut in the middle of the text',
  )
  t.same(
    await read(attempt(1, []), again),
    { text: 'one two three', thought: '' },
    'cut before the first word',
  )
})

t.test('an answer that was begun anew is never taken for the rest of the old one', async (t) => {
  const others = [['One two three'], ['other'], ['one t', 'on the other hand, much longer than the old one']]
  for (const words of others) {
    const { text, error } = await read(attempt(1, ['one ', 'two ']), attempt(2, words, finished) + done)
    t.equal(text, 'one two ', `${words}: nothing of it is shown behind the old words`)
    t.match(error, /was restarted/, `${words}: it is told`)
  }
})

t.test('reasoning comes once, too, whole or folded into one delta', async (t) => {
  const part = (id: string, deltas: string[]) => [
    { type: 'reasoning-start', id },
    ...deltas.map((delta) => ({ type: 'reasoning-delta', id, delta })),
    { type: 'reasoning-end', id },
  ]
  const answer = (deltas: string[], words: string[], end: object[]) => {
    const events = [...part('r', deltas), { type: 'text-start', id: 't' }]
    const texts = words.map((delta) => ({ type: 'text-delta', id: 't', delta }))
    const head = [
      { type: 'start', messageId: 'm' },
      { type: 'data-turn', data: { ...ids, status: 'running', attempt: 1 }, transient: true },
      { type: 'start-step' },
    ]
    return [...head, ...events, ...texts, ...end]
      .map((event, i) => `id: 1-${i}\ndata: ${JSON.stringify(event)}\n\n`)
      .join('')
  }
  const folded = answer(['so it is'], ['one two'], finished) + done
  const cut = answer(['so ', 'it '], [], [])
  const short = cut.slice(0, cut.indexOf('id: 1-6'))
  for (const first of [answer(['so ', 'it ', 'is'], ['one '], []), short]) {
    const { text, thought, error } = await read(first, folded)
    t.same([thought, text, error], ['so it is', 'one two', undefined], 'nothing is missing or comes twice')
  }
})
