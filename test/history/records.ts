import { openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { components } from '../../generated/closed/contract.js'
import type { PastTurn } from '../../src/models/model.js'

/**
 * What the processes of a run write down, a JSON object a line and a file a process. `at` is microseconds of the
 * machine's monotonic clock, which all its processes share: before a request leaves, after its answer has arrived.
 */
interface At {
  at: number
}

/** A request of createTurn. The message is unique to its operation: duplicates and retries repeat it with the key. */
export interface Send extends At {
  type: 'send'
  request: string
  user: string
  key: string | null
  conversation: string | null
  /** the answer that an edited message follows, null to begin anew; absent: it continues the conversation */
  parent?: string | null
  message: string
}

/** Its answer, or the end of its stream: the contract's TurnAnswer when `status` is 200, else a Problem. A request that was cut off has none. */
export interface Answer extends At {
  type: 'answer'
  request: string
  as: 'json' | 'stream'
  status: number
  replayed: boolean
  body: Partial<components['schemas']['TurnAnswer'] & { code: string }>
}

/** What listMessages showed; `at` is when it was asked. */
export interface Read extends At {
  type: 'read'
  user: string
  conversation: string
  messages: { id: string; position: number }[]
}

/** A run of the model: the nonce is its own, and stands in its answer. */
export interface Run extends At {
  type: 'run'
  nonce: string
  message: string
  history: PastTurn[]
}

/** The end of such a run; `whole` when the model said all that it had to say, and was heard. */
export interface RunEnd extends At {
  type: 'run-end'
  nonce: string
  whole: boolean
}

/** A server was stopped or stood still until now: its leases may have run out. */
export interface Halt extends At {
  type: 'halt'
  server: string
}

/** A request to delete a conversation, or to have it expire. */
export interface Leave extends At {
  type: 'leave'
  how: 'delete' | 'expire'
  user: string
  conversation: string
}

/** It was acknowledged: from the moment `from` on nothing of the conversation is to be seen. */
export interface Gone extends At {
  type: 'gone'
  how: Leave['how']
  conversation: string
  from: number
}

/** What listConversations showed; `at` is when it was asked. */
export interface List extends At {
  type: 'list'
  conversations: string[]
}

export type Record = Send | Answer | Read | Run | RunEnd | Halt | Leave | Gone | List

export const now = (): number => Number(process.hrtime.bigint() / 1_000n)

/** Appends synchronously: what was written down survives the process, killed or not. */
export const recorder = (path: string): ((record: Record) => void) => {
  const file = openSync(path, 'a')
  return (record) => void writeSync(file, `${JSON.stringify(record)}\n`)
}

const complete = /\n[^\n]*$/

/** Everything that was written down in a folder so far. */
export const readRecords = (folder: string): Record[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => {
      const text = readFileSync(join(folder, name), 'utf8').replace(complete, '')
      return text === '' ? [] : text.split('\n').map((line) => JSON.parse(line) as Record)
    })
