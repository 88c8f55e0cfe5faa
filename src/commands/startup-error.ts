/** The chat cannot start; the message tells the operator what to do. */
export class StartupError extends Error {}
