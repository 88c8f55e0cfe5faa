import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { UselessAnswer } from './errors.js'
import { BROKEN_OFF } from './request.js'

export const isBrokenOff = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === BROKEN_OFF

/** Why a server is of no use, in words that hold none of its own: those may quote a user, or a key. */
export const reasonOf = (error: unknown): string => {
  // One for each address of a host that has several.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  if (error instanceof UselessAnswer) return error.message
  if (error instanceof SdkHttpError) return `it answered ${error.status}`
  if (isBrokenOff(error)) return 'it broke off its answer'
  if (error instanceof ProtocolError) return `it answered with the error ${error.code}`
  if (!(error instanceof Error)) return 'it failed'
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error instanceof SdkError) {
    return error.code === SdkErrorCode.ConnectionClosed
      ? 'the connection was closed'
      : `it failed (${error.code})`
  }
  // Only errors of the system and of the HTTP client have one, and their words are about the connection.
  if ('code' in error && typeof error.code === 'string') return error.message
  return 'its answer cannot be read'
}
