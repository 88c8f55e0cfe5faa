import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, Message } from './client.js'
import type { Dump } from './dump.js'
import type { Random } from './random.js'
import type { Answer, Record, Send } from './records.js'

export interface SettleOptions {
  client: Client
  urls: string[]
  leaseMs: number
  random: Random
  /** what there is when the clients have ended */
  dump: Dump
  records: Record[]
  signal: AbortSignal
}

const attempts = 60
const pauseMs = 50
const atOnce = 8

const eachOf = async <T>(items: T[], work: (item: T) => Promise<unknown>): Promise<void> => {
  const left = [...items]
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

/** The operations with a key that were acknowledged. */
const acknowledged = (records: Record[]): Message[] => {
  const answered = new Set(
    records
      .filter((it): it is Answer => it.type === 'answer' && it.status === 200)
      .map(({ request }) => request),
  )
  const sends = records.filter(
    (it): it is Send => it.type === 'send' && it.key !== null && answered.has(it.request),
  )
  return [
    ...new Map(
      sends.map(({ user, key, conversation, parent, message }) => [
        message,
        { user, key, conversation, ...(parent !== undefined && { parent }), message },
      ]),
    ).values(),
  ]
}

/**
 * Brings a run to rest when all servers are well: waits out the leases, sends a message to every conversation, repeats
 * every acknowledged operation and reads every conversation. Throws when something does not come to an end.
 */
export const settle = async (options: SettleOptions): Promise<void> => {
  const { client, urls, random, dump, records, signal } = options
  const anyUrl = () => random.pick(urls) ?? ''

  const until = async (what: string, ask: () => Promise<boolean>): Promise<void> => {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (await ask()) return
      await sleep(pauseMs, undefined, { signal })
    }
    throw new Error(`${what} did not come to an end in ${attempts} attempts`)
  }
  const isReady = (url: string) =>
    fetch(`${url}/health/ready`).then(
      ({ status }) => status === 200,
      () => false,
    )

  const left = new Set(records.flatMap((it) => (it.type === 'leave' ? [it.conversation] : [])))

  for (const url of urls) await until(`server ${url}`, () => isReady(url))
  await sleep(options.leaseMs + 2 * pauseMs, undefined, { signal })
  await eachOf(dump.conversations, ({ user_id: user, id: conversation }) => {
    const message = { user, conversation, key: `last-${conversation}`, message: `last-${conversation}` }
    return until(message.message, async () => {
      const answer = await client.send(anyUrl(), message)
      // Whoever has spent all sends nothing any more, and what was to be gone may be by now.
      return answer?.status === 200 || answer?.body.code === 'budget-exceeded' || answer?.status === 404
    })
  })
  await eachOf(acknowledged(records), (message) =>
    until(message.message, async () => (await client.send(anyUrl(), message)) !== undefined),
  )
  await eachOf(dump.conversations, ({ user_id: user, id }) =>
    until(
      `reading ${id}`,
      async () => left.has(id) || (await client.read(anyUrl(), user, id, true)) !== undefined,
    ),
  )
}
