import type { Operation } from './contract.js'

/** Why a declared status may not be had over HTTP; by status, or by operation and status. */
const reasons: Record<string, string> = {
  'cancelTurn 202': 'only a turn that does not stop at once is answered so',
  'eraseUser 200': 'erasing the users was not permitted: --erase permits it',
  'streamConversation 200': 'the model answered too fast for its turn to be met while it ran',
  408: 'the contract does not say after how long a request is too slow',
  409: 'the model answered too fast, or the server waited for its answer',
  429: 'the server has set no limit that was reached',
  500: 'a fault of the server cannot be asked for',
  502: 'a failure of the model cannot be asked for',
  503: 'an outage cannot be asked for',
  504: 'a model that takes too long cannot be asked for',
}

export interface StatusRow {
  operation: string
  status: number
  /** how often it was answered */
  seen: number
  /** why it was not; undefined when it was, or when a check should have provoked it */
  reason?: string
}

/** Every status of every operation, and how often it was seen. */
export const statusTable = (operations: Operation[], seen: Map<string, number>): StatusRow[] =>
  operations.flatMap(({ id, responses }) =>
    Object.keys(responses).map((status) => {
      const name = `${id} ${status}`
      const count = seen.get(name) ?? 0
      const reason = count === 0 ? (reasons[name] ?? reasons[status]) : undefined
      return { operation: id, status: Number(status), seen: count, ...(reason && { reason }) }
    }),
  )
