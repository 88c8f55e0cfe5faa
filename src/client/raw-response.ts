import type { Connection } from './call.js'

/** A response that the caller reads; the connection is closed when it has been read, or is no longer wanted. */
export const rawResponse = ({ response, close }: Connection): Response => {
  const reader = response.body?.getReader()
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = await reader?.read()
        if (chunk?.value) return controller.enqueue(chunk.value)
        controller.close()
        close()
      } catch (error) {
        close()
        throw error
      }
    },
    cancel: close,
  })
  return new Response(body, response)
}
