import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readSqlFiles } from '../../src/db/sql-files.js'
import { testDatabase } from '../helpers/database.js'
import { mutant } from '../helpers/mutant.js'
import { roundRobin } from '../helpers/round-robin.js'
import { runColloquy, type ServerProcess } from '../helpers/server.js'
import { checkingClient, slowEcho, slowServer } from '../helpers/slow-server.js'
import { textOf, turnOf, typesOf } from '../helpers/stream.js'
import { until } from '../helpers/wait.js'

const version = ((await readSqlFiles()).migrations.at(-1)?.version ?? 0) + 1

/** The program that comes after this one: a column more in a busy table, and a function with another body. */
const nextProgram = async (t: Test): Promise<string> => {
  const folder = await mutant(t, [
    slowEcho,
    { files: /^sql\/functions\/begin_turns\.sql$/, from: /^begin$/gm, to: 'begin\n  -- of the next version' },
  ])
  const name = `${String(version).padStart(4, '0')}-note.sql`
  const sql = '-- oldest program: 1\n\nalter table colloquy.turns add column note text;\n'
  await writeFile(join(folder, 'sql/migrations', name), sql)
  return folder
}

/** Asks each server whether it is ready, again and again, as a load balancer does. */
const watchReadiness = (t: Test, urls: string[]) => {
  const ready = new Set<string>()
  let isOver = false
  const ask = async (url: string): Promise<void> => {
    const status = await fetch(`${url}/health/ready`).then(
      (response) => response.status,
      () => 0,
    )
    if (status === 200) ready.add(url)
    else ready.delete(url)
  }
  const watching = (async () => {
    while (!isOver) {
      await Promise.all(urls.map(ask))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  t.teardown(() => {
    isOver = true
    return watching
  })
  return ready
}

type Client = ReturnType<typeof checkingClient>

/** What a user was told of a conversation. */
interface Told {
  conversation_id: string
  /** message, answer, message … */
  texts: string[]
}

/** Goes on with one conversation, turn by turn, until it is over: as JSON, or as a stream. */
const converse = async (
  { call, stream }: Client,
  isStreamed: boolean,
  isOver: () => boolean,
): Promise<Told> => {
  const told: Told = { conversation_id: '', texts: [] }
  for (let n = 0; !isOver(); n += 1) {
    const message = `${n} is a message whose answer takes a third of a second or so`
    const body = { message, ...(told.conversation_id && { conversation_id: told.conversation_id }) }
    if (isStreamed) {
      const answer = await stream('POST', '/api/alice/chat', { body })
      const { conversation_id } = await turnOf(answer)
      const events = await answer.all()
      if (typesOf(events).at(-1) !== '[DONE]') throw new Error(`turn ${n} was cut: ${typesOf(events)}`)
      told.conversation_id = conversation_id
      told.texts.push(message, textOf(events))
    } else {
      const answer = await call('POST', '/api/alice/chat', body)
      if (answer.status !== 200) throw new Error(`turn ${n}: ${answer.status} ${JSON.stringify(answer.body)}`)
      told.conversation_id = answer.body.conversation_id
      told.texts.push(message, answer.body.response)
    }
  }
  return told
}

const storedMessages = async (call: Client['call'], conversationId: string) => {
  const messages: { content: string; status: string }[] = []
  let next = ''
  do {
    const page = `limit=100${next && `&cursor=${next}`}`
    const { body } = await call('GET', `/api/alice/conversations/${conversationId}/messages?${page}`)
    messages.push(...body.data)
    next = body.next_cursor ?? ''
  } while (next)
  return messages
}

t.test('a rolling upgrade under load, with a migration, fails no request and loses no turn', async (t) => {
  const { url } = await testDatabase(t)
  const [old, next] = await Promise.all([mutant(t, [slowEcho]), nextProgram(t)])
  // As the manifests have it, but for the length of the delay: the balancer needs less.
  const start = (program: string) =>
    slowServer(t, program, url, { CHAT_SHUTDOWN_DELAY_MS: '1500', CHAT_LEASE_MS: '15000' })
  const servers: ServerProcess[] = await Promise.all([start(old), start(old)])
  const urls = servers.map((server) => server.url)
  const ready = watchReadiness(t, urls)
  const balancer = await roundRobin(t, urls, (url) => ready.has(url))
  await until(() => ready.size === 2, 'the old servers to be ready')

  let isOver = false
  const clients = [false, false, true].map((isStreamed) =>
    converse(checkingClient(t, balancer.url), isStreamed, () => isOver),
  )
  const failed = Promise.all(clients).then(() => new Promise<never>(() => {}))
  const whileTheyTalk = <Result>(step: Promise<Result>) => Promise.race([step, failed])

  const { code, stdout, stderr } = await whileTheyTalk(
    runColloquy(['migrate'], { cwd: next, env: { DATABASE_URL: url } }),
  )
  t.equal(code, 0, `the next version migrates: ${stdout}${stderr}`)
  t.match(stdout, `migration ${version} note`, 'it has a migration')
  for (const [index, server] of servers.slice(0, 2).entries()) {
    const replacement = await whileTheyTalk(start(next))
    urls.push(replacement.url)
    await whileTheyTalk(until(() => ready.has(replacement.url), 'a new server to be ready'))
    t.ok(ready.has(server.url), `old server ${index} is ready beside it`)
    t.equal(await whileTheyTalk(server.end('SIGTERM')), 0, `old server ${index} ends cleanly`)
  }
  isOver = true
  const told = await Promise.all(clients)

  const { call } = checkingClient(t, balancer.url)
  for (const { conversation_id, texts } of told) {
    t.ok(texts.length > 4, `${texts.length / 2} turns, all answered`)
    const stored = await storedMessages(call, conversation_id)
    t.same(
      stored.map(({ content }) => content),
      texts,
      'what was told is what is stored, once and in order',
    )
    t.ok(
      stored.every(({ status }) => status === 'completed'),
      'no turn was interrupted',
    )
  }
})
