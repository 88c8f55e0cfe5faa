/**
 * What a server that is written by hand answers: for each method the rest of the response, such as `{ "result": … }`. A tool's
 * `tools/call` may have one of its own, under `tools/call <name>`.
 */
export type Answers = Record<string, Record<string, unknown>>

const introduction = {
  result: {
    protocolVersion: '2025-06-18',
    capabilities: { tools: {} },
    serverInfo: { name: 'scripted', version: '1' },
  },
}

/** The response to a request as a line of JSON; undefined for a notification. */
export const answerTo = (
  answers: Answers,
  { id, method, params }: { id?: unknown; method: string; params?: { name?: string } },
): string | undefined => {
  if (id === undefined) return undefined
  const unknown = { error: { code: -32_601, message: `no ${method}` } }
  const rest =
    answers[`${method} ${params?.name}`] ??
    answers[method] ??
    (method === 'initialize' ? introduction : unknown)
  return JSON.stringify({ jsonrpc: '2.0', id, ...rest })
}
