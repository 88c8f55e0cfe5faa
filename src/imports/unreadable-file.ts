/** Why nothing, or nothing more, can be read of a file; the message is for the user. */
export class UnreadableFile extends Error {
  readonly kind: 'malformed' | 'too-large' | 'unknown-format'

  constructor(kind: UnreadableFile['kind'], message: string) {
    super(message)
    this.name = 'UnreadableFile'
    this.kind = kind
  }
}
