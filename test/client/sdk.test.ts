import t from 'tap'
import { transportOf } from '../helpers/transport.js'

const events = [
  { type: 'start', messageId: 'm' },
  { type: 'start-step' },
  { type: 'custom', kind: 'a.b' },
  { type: 'reset-step' },
  { type: 'hologram' },
  { type: 'data-later', data: 1 },
  { type: 'finish-step' },
  { type: 'finish', finishReason: 'tired' },
]
const frames = events.map((event, i) => `id: 1-${i + 1}\ndata: ${JSON.stringify(event)}\n\n`)

/** The chunks that a transport makes of a later server's stream. */
const chunksOf = async (sdk?: 7): Promise<object[]> => {
  const fetch: typeof globalThis.fetch = async () =>
    new Response(`${frames.join('')}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } })
  const stream = await transportOf('http://127.0.0.1:1', { fetch, ...(sdk && { sdk }) }).sendMessages({
    trigger: 'submit-message',
    messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'hi' }] }],
    abortSignal: undefined,
  })
  const chunks: object[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}
const types = (chunks: object[]) => chunks.map((chunk) => (chunk as { type: string }).type)

t.test('a chunk that the AI SDK does not know would end its stream, and is left out', async (t) => {
  const ends = ['data-later', 'finish-step', 'message-metadata', 'finish']
  t.same(types(await chunksOf()), ['start', 'start-step', ...ends], 'those that 6 knows')
  t.same(
    types(await chunksOf(7)),
    ['start', 'start-step', 'custom', 'reset-step', ...ends],
    'and those of 7 for who asks for them',
  )
  t.match((await chunksOf()).at(-1), { finishReason: 'other' }, 'a later reason is another one')
})
