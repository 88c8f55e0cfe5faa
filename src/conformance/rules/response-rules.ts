import type { Exchange, WireResponse } from '../client.js'
import type { Contract, DeclaredHeader, DeclaredResponse, JsonSchema, Operation } from '../contract.js'
import { parseJson } from '../parse-json.js'
import type { Fault } from './fault.js'
import { createProblemJudge } from './problem-rules.js'
import { createStreamJudge } from './stream-rules.js'
import { createUpdateJudge } from './update-rules.js'

export const mediaTypeOf = ({ headers }: WireResponse): string =>
  (headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''

/** The path that was asked for, without the query. */
export const pathOf = (url: string): string => url.replace(/^https?:\/\/[^/?#]*/, '').split('?', 1)[0] || '/'

/** What a header's text stands for. */
const headerValue = (contract: Contract, { schema }: DeclaredHeader, text: string): unknown =>
  contract.resolve(schema).type === 'integer' && /^\d{1,15}$/.test(text) ? Number(text) : text

const isJson = (type: string): boolean => /\/(?:.*\+)?json$/.test(type)

/** Judges whole answers by what the contract says of their operation and status. */
export const createResponseJudge = (contract: Contract) => {
  const judgeProblem = createProblemJudge(contract)
  const judgeStream = createStreamJudge(contract)
  const judgeUpdates = createUpdateJudge(contract)
  const requestIds = new Set<string>()

  const headerFaults = ({ headers }: DeclaredResponse, seen: WireResponse): string[] =>
    Object.entries(headers).flatMap(([name, declared]) => {
      const text = seen.headers[name]
      if (text === undefined) return declared.required ? [`the header ${name} is missing`] : []
      return contract
        .faults(declared.schema, headerValue(contract, declared, text))
        .map((fault) => `the header ${name} is "${text.slice(0, 200)}": ${fault}`)
    })

  const identityFaults = ({ headers }: WireResponse): string[] => {
    const id = headers['x-request-id']
    if (id === undefined) return []
    if (requestIds.has(id)) return [`the x-request-id ${id} was that of another request`]
    requestIds.add(id)
    return []
  }

  const bodyFaults = ({ request }: Exchange, seen: WireResponse, declared: DeclaredResponse): string[] => {
    const type = mediaTypeOf(seen)
    const types = Object.keys(declared.content)
    if (request.method === 'HEAD') return seen.text === '' ? [] : ['HEAD is answered with a body']
    if (types.length === 0) return seen.text === '' ? [] : ['there is a body, and none is declared']
    if (!types.includes(type)) return [`its media type is ${type || 'none'}, not ${types.join(' or ')}`]
    if (type === 'application/problem+json' || type === 'text/event-stream') return []
    if (!seen.isUtf8) return ['the body is not UTF-8']
    if (type === 'application/x-ndjson') return lineFaults(seen.text, declared.content[type])
    if (!isJson(type)) return []
    try {
      const schema = declared.content[type]
      return schema ? contract.faults(schema, JSON.parse(seen.text)) : []
    } catch {
      return ['the body is not JSON']
    }
  }

  const lineFaults = (text: string, schema: JsonSchema = {}): string[] => {
    const lines = text.split('\n')
    if (lines.pop() !== '') return ['the last line has no line feed at its end']
    return lines.flatMap((line) => {
      const value = parseJson(line)
      return value === undefined
        ? [`a line is not JSON: ${line.slice(0, 100)}`]
        : contract.faults(schema, value)
    })
  }

  const specialFaults = ({ id }: Operation, { request }: Exchange, seen: WireResponse): Fault[] => {
    if (request.method === 'HEAD') return []
    const type = mediaTypeOf(seen)
    if (type === 'text/event-stream' && id === 'streamUpdates') return judgeUpdates(seen)
    if (type === 'text/event-stream') return judgeStream(seen, 'last-event-id' in request.headers)
    return seen.status >= 400 ? judgeProblem(seen, pathOf(request.url)) : []
  }

  return {
    /** The answer of an operation. */
    operation(operation: Operation, exchange: Exchange): Fault[] {
      const { response: seen } = exchange
      if (!seen) return [{ message: `no answer: ${exchange.error}`, promise: operation.id }]
      const declared = operation.responses[seen.status]
      const promise = `${operation.id} ${seen.status}`
      if (!declared) return [{ message: `the status ${seen.status} is not declared`, promise: operation.id }]
      const messages = [
        ...(exchange.error ? [`the answer broke off: ${exchange.error}`] : []),
        ...identityFaults(seen),
        ...headerFaults(declared, seen),
        ...bodyFaults(exchange, seen, declared),
      ]
      return [
        ...messages.map((message) => ({ message, promise })),
        ...specialFaults(operation, exchange, seen),
      ]
    },
    /** A refusal that no operation gives: of an unknown path, or of a method that a path does not have. */
    refusal(exchange: Exchange, status: number, code: string): Fault[] {
      const promise = `Problem, code ${code}`
      const { response: seen } = exchange
      if (!seen) return [{ message: `no answer: ${exchange.error}`, promise }]
      if (seen.status !== status) return [{ message: `the status is ${seen.status}, not ${status}`, promise }]
      if (exchange.request.method === 'HEAD') return []
      const faults = judgeProblem(seen, pathOf(exchange.request.url))
      if (faults.length > 0) return faults
      const given = JSON.parse(seen.text).code
      return given === code ? [] : [{ message: `the code is ${given}, not ${code}`, promise }]
    },
  }
}
