import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

interface ChatRequest {
  messages: { role: string; content: string | { type: string; text: string }[] }[]
}

const pieces = 8
const mostMs = 1_500

export const answerTo = (message: string): string => `Echo: ${message}`

/** The last message's text. */
const lastText = ({ messages }: ChatRequest): string => {
  const { content = '' } = messages.at(-1) ?? {}
  return typeof content === 'string' ? content : content.map(({ text }) => text).join('')
}

/**
 * A model server that speaks OpenAI's chat completions: repeats the last message in pieces, and takes some time for it, so that
 * turns stream, tick and are killed in the middle.
 */
export const startProvider = async (): Promise<{ url: string; stop(): void }> => {
  const server = createServer(async (request, response) => {
    const answer = answerTo(lastText((await json(request)) as ChatRequest))
    const length = Math.ceil(answer.length / pieces)
    const pauseMs = (Math.random() * mostMs) / pieces
    const head = { id: 'soak', object: 'chat.completion.chunk', created: 0, model: 'soak' }
    const send = (delta: object, finish_reason: string | null = null) =>
      response.write(
        `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`,
      )
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (let at = 0; at < answer.length && !response.destroyed; at += length) {
      send({ role: 'assistant', content: answer.slice(at, at + length) })
      await sleep(pauseMs)
    }
    send({}, 'stop')
    const usage = { prompt_tokens: 10, completion_tokens: pieces, total_tokens: 10 + pieces }
    response.write(`data: ${JSON.stringify({ ...head, choices: [], usage })}\n\n`)
    response.end('data: [DONE]\n\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (!address || typeof address === 'string') throw new Error('the model server has no port')
  return {
    url: `http://127.0.0.1:${address.port}/v1`,
    stop() {
      server.close()
      server.closeAllConnections()
    },
  }
}
