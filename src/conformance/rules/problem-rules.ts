import type { WireResponse } from '../client.js'
import type { Contract } from '../contract.js'
import { parseJson } from '../parse-json.js'
import type { Fault } from './fault.js'
import { rateLimitFaults } from './rate-limit-rules.js'

/** The statuses of requests that may not have been read as far as their path. */
const maybeUnread = new Set([400, 408, 414, 431])

const decode = (path: string): string => {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

interface Problem {
  type: string
  title: string
  status: number
  instance?: string
  code: string
  request_id: string
  errors?: { path: string }[]
  turn_id?: string
  limit?: string
}

/** The status of each problem code, from the table in the contract's description of ProblemCode. */
const readCodeStatuses = (contract: Contract): Map<string, number> => {
  const rows = String(contract.schema('ProblemCode').description).matchAll(/^\| `([a-z-]+)` \| (\d{3}) \|/gm)
  return new Map([...rows].map(([, code = '', status]) => [code, Number(status)]))
}

const namesItsTurn = new Set(['turn-in-progress', 'idempotency-key-in-use', 'turn-interrupted'])

/** Judges problems, and remembers what has to be the same for every occurrence of a code. */
export const createProblemJudge = (contract: Contract) => {
  const statuses = readCodeStatuses(contract)
  const kinds = new Map<string, Pick<Problem, 'type' | 'title'>>()

  const kindFaults = ({ code, type, title }: Problem): string[] => {
    const known = kinds.get(code) ?? { type, title }
    kinds.set(code, known)
    return [
      ...(known.type === type ? [] : [`the type of ${code} is ${type}, and was ${known.type} before`]),
      ...(known.title === title
        ? []
        : [`the title of ${code} is "${title}", and was "${known.title}" before`]),
    ]
  }

  const instanceFaults = ({ instance }: Problem, status: number, path: string): string[] => {
    if (instance === undefined)
      return maybeUnread.has(status) || status >= 500 ? [] : ["instance, the request's path, is missing"]
    // Of a very long path the problem may have the beginning.
    const isPath = path.length > 1_000 || decode(instance) === decode(path)
    return isPath ? [] : [`instance is ${instance}, not the request's path`]
  }

  const detailFaults = ({ code, errors = [], turn_id }: Problem): string[] => {
    const isModels = code.startsWith('model-') || namesItsTurn.has(code)
    const misplaced = errors.find(({ path }) => !/^\/(?:body|query|path|headers)(?:\/|$)/.test(path))
    return [
      ...(code === 'validation-failed' && errors.length === 0
        ? ['validation-failed does not say in errors what is wrong']
        : []),
      ...(misplaced ? [`the path ${misplaced.path} does not begin with the part of the request`] : []),
      ...(isModels && turn_id === undefined ? [`a problem ${code} has no turn_id`] : []),
    ]
  }

  return ({ status, headers, text }: WireResponse, path: string): Fault[] => {
    const type = headers['content-type'] ?? 'none'
    if (!/^application\/problem\+json\s*(?:;|$)/i.test(type)) {
      return [{ message: `its media type is ${type}`, promise: 'Problem: application/problem+json' }]
    }
    const problem = parseJson(text)
    const shape = contract.faults(contract.schema('Problem'), problem)
    if (shape.length > 0) return shape.map((message) => ({ message, promise: 'Problem' }))
    const read = problem as Problem
    const ownStatus = statuses.get(read.code)
    const header = headers['x-request-id']
    const faults = [
      ...(read.status === status ? [] : [`the problem says status ${read.status}`]),
      ...(ownStatus === undefined || ownStatus === status ? [] : [`${read.code} is a ${ownStatus}`]),
      ...(read.request_id === header
        ? []
        : [`request_id is ${read.request_id}, x-request-id is ${header ?? 'missing'}`]),
      ...kindFaults(read),
      ...instanceFaults(read, status, path),
      ...detailFaults(read),
      ...rateLimitFaults({ status, headers }, read),
    ]
    return faults.map((message) => ({ message, promise: `Problem, code ${read.code}` }))
  }
}
