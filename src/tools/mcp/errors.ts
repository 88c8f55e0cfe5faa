/** An answer that is of no use, in words that hold none of the server's. */
export class UselessAnswer extends Error {}

/** An answer that is longer than it may be. */
export class TooLarge extends UselessAnswer {
  constructor(bytes: number) {
    super(`its answer has more than ${bytes} bytes`)
  }
}

/** A connection that is of no more use; the message says why, and quotes nothing that a server said. */
export class Disconnected extends Error {
  /** resolves when what was started for it (a process, say) is gone */
  gone: Promise<void> = Promise.resolve()
}

/** The server knows the session no more, so it has not run what was asked. */
export class SessionExpired extends Disconnected {}
