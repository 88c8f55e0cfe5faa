import type { MessageChunk } from './sdk.js'

const stopError = () => new DOMException('The message was stopped.', 'AbortError')

export interface ChunkStreamOptions {
  chunks: AsyncGenerator<MessageChunk>
  /** aborts when the reader stops the turn */
  stop?: AbortSignal | undefined
  onStop: () => void
  /** The reader has disconnected; the turn continues. */
  onDisconnect: () => void
  /** The stream has ended. */
  onSettled?: () => void
}

/** Makes a stream whose reader may disconnect, which does not affect the turn, or stop, which cancels it. */
export const toChunkStream = ({
  chunks,
  stop,
  onStop,
  onDisconnect,
  onSettled = () => {},
}: ChunkStreamOptions): ReadableStream<MessageChunk> => {
  const isStopped = () => stop?.aborted ?? false
  return new ReadableStream<MessageChunk>({
    start(controller) {
      const end = async () => {
        controller.error(stopError())
        onStop()
        while (!(await chunks.next().catch(() => ({ done: true }))).done);
        onSettled()
      }
      if (isStopped()) void end()
      else stop?.addEventListener('abort', end, { once: true })
    },
    async pull(controller) {
      const next = await chunks.next().catch((error: unknown) => {
        onSettled()
        // A stopped stream has already failed with the stop error.
        if (isStopped()) return { done: true } as const
        throw error
      })
      if (next.done) onSettled()
      if (isStopped()) return
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel() {
      onDisconnect()
      onSettled()
    },
  })
}
