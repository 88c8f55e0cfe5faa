import { createServer } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { listen } from './listen.js'
import { builtProgram } from './program.js'
import type { Scope } from './scope.js'
import { type Answers, answerTo } from './scripted-answers.js'

/** The ways in which a server may send its answers. */
export const wires = ['json', 'events', 'stdio'] as const

/** The configuration of a server that is written by hand and answers so: the SDK's servers send nothing that is wrong. */
export const scriptedServer = async (
  t: Scope,
  wire: (typeof wires)[number],
  answers: Answers,
): Promise<{ url: string } | { command: string; args: string[]; env: object }> => {
  if (wire === 'stdio') {
    return {
      command: process.execPath,
      args: [join(builtProgram(), 'test/helpers/scripted-stdio.js')],
      env: { ANSWERS: JSON.stringify(answers) },
    }
  }
  const server = createServer(async (request, response) => {
    const answer = answerTo(answers, JSON.parse((await text(request)) || '{"method":""}'))
    if (answer === undefined) return response.writeHead(202).end()
    const [type, body] =
      wire === 'json' ? ['application/json', answer] : ['text/event-stream', `: ping\n\ndata: ${answer}\n\n`]
    return response.writeHead(200, { 'content-type': type }).end(body)
  })
  return { url: await listen(t, server) }
}
