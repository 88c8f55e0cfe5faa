import { type Check, Failure, NotSeen } from './check.js'
import { cleanUp } from './clean-up.js'
import type { Exchange } from './client.js'
import { createContext, type RunContext, type Settings } from './context.js'
import { type StatusRow, statusTable } from './statuses.js'

export interface Result {
  id: string
  title: string
  operation: string | undefined
  outcome: 'passed' | 'failed' | 'not seen'
  /** what came instead of what is promised, or why it was not seen */
  message?: string
  /** where the contract promises it */
  promise?: string
  exchange?: Exchange
  milliseconds: number
  requests: number
  turns: number
}

export interface Report {
  url: string
  version: string
  seed: number
  users: [string, string]
  startedAt: Date
  milliseconds: number
  results: Result[]
  statuses: StatusRow[]
  /** how many requests each operation got */
  requests: Record<string, number>
  allRequests: number
  turns: number
  /** conversations that could not be deleted */
  left: number
  /** why the run ended before its last check */
  interrupted?: string
}

type Outcome = Pick<Result, 'outcome' | 'message' | 'promise' | 'exchange'>

/** How much of an answer's text is kept of a failure. */
const keptText = 65_536

const truncateExchange = ({ request, response, error, milliseconds }: Exchange): Exchange => ({
  request,
  ...(response && { response: { ...response, text: response.text.slice(0, keptText), frames: [] } }),
  ...(error !== undefined && { error }),
  milliseconds,
})

const outcomeOf = (error: unknown): Outcome => {
  const message = error instanceof Error ? error.message : String(error)
  if (error instanceof NotSeen) return { outcome: 'not seen', message }
  if (!(error instanceof Failure))
    return { outcome: 'failed', message: `the check could not go on: ${message}` }
  const { promise, exchange } = error
  return { outcome: 'failed', message, promise, ...(exchange && { exchange: truncateExchange(exchange) }) }
}

/** Runs one check. Undefined when the run was interrupted meanwhile. */
const runCheck = async (context: RunContext, check: Check): Promise<Result | undefined> => {
  const { ledger, signal } = context
  const [startedAt, requests, turns] = [performance.now(), context.requests(), ledger.turns.size]
  const outcome = await check.run(context).then((): Outcome => ({ outcome: 'passed' }), outcomeOf)
  if (signal.aborted) return undefined
  return {
    id: check.id,
    title: check.title,
    operation: check.operation,
    ...outcome,
    milliseconds: Math.round(performance.now() - startedAt),
    requests: context.requests() - requests,
    turns: ledger.turns.size - turns,
  }
}

/** Runs the checks one after the other, deletes what they have made, and reports, also of a run that was interrupted. */
export const runChecks = async (
  settings: Settings,
  checks: Check[],
  onResult: (result: Result) => void = () => {},
): Promise<Report> => {
  const context = createContext(settings)
  const startedAt = new Date()
  const begin = performance.now()
  const results: Result[] = []
  for (const check of checks) {
    const result = await runCheck(context, check)
    if (!result) break
    results.push(result)
    onResult(result)
  }
  const { contract, url, seed, a, b, signal, ledger } = context
  const turns = ledger.turns.size
  const left = await cleanUp(context)
  return {
    url,
    version: contract.version,
    seed,
    users: [a.id, b.id],
    startedAt,
    milliseconds: Math.round(performance.now() - begin),
    results,
    statuses: statusTable(contract.operations, context.seen),
    requests: Object.fromEntries(context.requestsOf),
    allRequests: context.requests(),
    turns,
    left,
    ...(signal.aborted && { interrupted: String(signal.reason?.message ?? signal.reason) }),
  }
}
