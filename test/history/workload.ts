/** A client process of a run: `node --import tsx workload.ts <options as JSON>`; see WorkloadOptions. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, type Message } from './client.js'
import { createRandom } from './random.js'
import { recorder } from './records.js'

export interface WorkloadOptions {
  name: string
  seed: number
  /** where the records go */
  folder: string
  tokens: Record<string, string>
  requestMs: number
  /** messages that it has under way at once */
  workers: number
  /** the share of messages with a key that are sent more than once at the same time */
  duplicates: number
  /** how long a worker rests after each, on average */
  restMs: number
  /** the share of operations after which the conversation is deleted or has to expire */
  leaves: number
}

/** What the process is told: where the servers are by now, or to end when what is under way has ended. */
export type WorkloadOrder = { urls: string[] } | 'end'

const options = JSON.parse(process.argv[2] ?? '') as WorkloadOptions
const { name, tokens } = options
const random = createRandom(options.seed)
const client = createClient({ ...options, record: recorder(join(options.folder, `${name}.jsonl`)) })
const users = Object.keys(tokens)
/** the latest conversations of each user, where all clients meet */
const known: Record<string, string[]> = {}
/** answers of conversations, which an edited message may follow */
const answered = new Map<string, string[]>()
/** acknowledged operations, some of which are sent once more later */
const past: Message[] = []
let urls: string[] = []
let isEnding = false
let operations = 0

process.on('message', (order: WorkloadOrder) => {
  if (order === 'end') isEnding = true
  else urls = order.urls
})
process.on('disconnect', () => process.exit(1))

const anyUrl = () => random.pick(urls) ?? ''

/** Repeats the message until it has its answer: on the server at `place` while that answers, else on any. */
const insist = async (message: Message, place?: number): Promise<void> => {
  let url = place === undefined ? anyUrl() : (urls[place % urls.length] ?? '')
  for (let attempt = 0; !isEnding || attempt === 0; attempt += 1) {
    const answer = await client.send(url, message, random.chance(0.3) ? 'stream' : 'json')
    if (place === undefined || !answer) url = anyUrl()
    if (answer?.status === 200) {
      // The one thing that it tells.
      if (!answer.replayed) process.send?.('acknowledged')
      if (message.key !== null) past[random.below(50)] = message
      const conversation = answer.body.conversation_id ?? ''
      const { message_id } = answer.body
      if (message_id)
        answered.set(conversation, [...(answered.get(conversation) ?? []), message_id].slice(-20))
      if (random.chance(0.15)) await client.read(anyUrl(), message.user, conversation)
      return
    }
    const { code, turn_id } = answer?.body ?? {}
    if (code === 'turn-in-progress' && turn_id && random.chance(0.1)) {
      await client.cancel(anyUrl(), message.user, turn_id)
    }
    // Without a key nobody may repeat it, and of what failed some is given up.
    const isGivenUp = (code === 'model-failed' || code === 'turn-interrupted') && random.chance(0.4)
    // Of what is spent nothing comes back, and what is gone stays so.
    const isOver = code === 'budget-exceeded' || answer?.status === 404
    if (message.key === null || isGivenUp || isOver) return
    await sleep(10 + random.below(20 * Math.min(attempt + 1, 10)))
  }
}

const operate = async (): Promise<void> => {
  operations += 1
  const text = `${name}-${operations}`
  const user = random.pick(users) ?? ''
  if (random.chance(0.2) || !known[user]) {
    const latest = await client.conversations(anyUrl(), user)
    if (latest.length > 0) known[user] = latest
  }
  const open = random.chance(0.03) ? [] : (known[user] ?? [])
  const key = random.chance(0.1) ? null : text
  const conversation = random.pick(open) ?? null
  const parents = conversation === null ? [] : [...(answered.get(conversation) ?? []), null]
  const isEdit = parents.length > 1 && random.chance(0.1)
  const message: Message = {
    user,
    key,
    conversation,
    ...(isEdit && { parent: random.pick(parents) ?? null }),
    message: text,
  }
  const copies = key !== null && random.chance(options.duplicates) ? 2 + random.below(2) : 1
  await Promise.all(Array.from({ length: copies }, (_, i) => insist(message, copies > 1 ? i : undefined)))
  if (conversation !== null && random.chance(options.leaves)) {
    known[user] = (known[user] ?? []).filter((id) => id !== conversation)
    await client.leave(anyUrl(), user, conversation, random.chance(0.5) ? 'delete' : 'expire')
    await sleep(random.below(1_000))
    await client.read(anyUrl(), user, conversation)
    await client.conversations(anyUrl(), user)
  }
  const again = random.pick(past)
  if (again && random.chance(0.1)) await insist(again)
}

const work = async (): Promise<void> => {
  while (!isEnding) {
    if (urls.length > 0) await operate()
    await sleep(urls.length > 0 ? random.below(2 * options.restMs) : 10)
  }
}

await Promise.all(Array.from({ length: options.workers }, work))
process.exit(0)
