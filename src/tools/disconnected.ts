/** A connection that is of no more use; the message says why, and quotes nothing that a server said. */
export class Disconnected extends Error {}

/** The server knows the session no more, so it has not run what was asked. */
export class SessionExpired extends Disconnected {}
