import type { UIMessageChunk } from 'ai'

const stopped = () => new DOMException('The message was stopped.', 'AbortError')

export interface ChunkStreamOptions {
  chunks: AsyncGenerator<UIMessageChunk>
  /** aborts when the reader wants the turn to end */
  stop?: AbortSignal | undefined
  onStop: () => void
  /** the reader goes, and the turn goes on */
  onLeave: () => void
  /** nothing comes any more */
  onSettled?: () => void
}

/** A stream that its reader may leave, which the turn does not notice, or stop, which cancels it. */
export const toChunkStream = ({
  chunks,
  stop,
  onStop,
  onLeave,
  onSettled = () => {},
}: ChunkStreamOptions): ReadableStream<UIMessageChunk> => {
  const isStopped = () => stop?.aborted ?? false
  return new ReadableStream<UIMessageChunk>({
    start(controller) {
      const end = async () => {
        controller.error(stopped())
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
        // What was stopped has ended with that already.
        if (isStopped()) return { done: true } as const
        throw error
      })
      if (next.done) onSettled()
      if (isStopped()) return
      if (next.done) controller.close()
      else controller.enqueue(next.value)
    },
    cancel() {
      onLeave()
      onSettled()
    },
  })
}
