/** An unusable response of a tool server. The messages here quote nothing that the server sent. */
export class InvalidResponseError extends Error {}

export class ResponseTooLargeError extends InvalidResponseError {
  constructor(maxBytes: number) {
    super(`its response exceeds ${maxBytes} bytes`)
  }
}

/** A client could not connect, or its connection is no longer usable. The message says why and quotes nothing of the server. */
export class McpConnectionError extends Error {
  /** resolves when everything that was started for the connection, such as a process, has ended */
  gone: Promise<void> = Promise.resolve()
}

/** The server no longer knows the protocol session, so it has not executed the request. */
export class SessionExpiredError extends McpConnectionError {}

/** A tool server cannot be used now. The message is safe to log. */
export class ServerUnavailableError extends Error {}
