import { ProtocolError, SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { InvalidResponseError } from './errors.js'
import { STREAM_CLOSED } from './request.js'

export const isStreamClosed = (error: unknown): boolean =>
  error instanceof ProtocolError && error.code === STREAM_CLOSED

/** Describes an error for the log without quoting the server, whose text may contain user data or keys. */
export const redactedMessage = (error: unknown): string => {
  // Connecting to a host with several addresses fails with one error for each.
  if (error instanceof AggregateError && error.errors.length > 0) return redactedMessage(error.errors[0])
  if (error instanceof InvalidResponseError) return error.message
  if (error instanceof SdkHttpError) return `it answered ${error.status}`
  if (isStreamClosed(error)) return 'it closed the stream before its response was complete'
  if (error instanceof ProtocolError) return `it answered with JSON-RPC error ${error.code}`
  if (!(error instanceof Error)) return 'it failed'
  if (error.cause instanceof Error) return redactedMessage(error.cause)
  if (error instanceof SdkError) {
    return error.code === SdkErrorCode.ConnectionClosed
      ? 'the connection was closed'
      : `it failed (${error.code})`
  }
  // Only system and HTTP client errors have a code, and their messages describe the connection.
  if ('code' in error && typeof error.code === 'string') return error.message
  return 'its response is invalid'
}
