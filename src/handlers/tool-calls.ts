import type { components } from '../../generated/closed/contract.js'
import type { ToolCall } from '../models/model.js'

type ApiCall = components['schemas']['ToolCall']

const statusOf = (call: ToolCall): ApiCall['status'] => {
  if (call.error !== undefined) return 'failed'
  return 'result' in call ? 'completed' : 'waiting'
}

/** Stored tool calls as the contract has them. */
export const toApiCalls = (calls: readonly ToolCall[]): ApiCall[] =>
  calls.map((call) => {
    const { text_offset: _, ...rest } = call
    return { ...rest, status: statusOf(call) }
  })
