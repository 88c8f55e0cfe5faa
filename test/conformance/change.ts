import type { Fault, Headers, ProxiedAnswer, ProxiedRequest } from './proxy.js'

/** Short ways to say what a faulty server does. */

// biome-ignore lint/suspicious/noExplicitAny: a fault changes what it knows to be there
export type Json = any

const matches = (operations: string, { operation }: ProxiedRequest): boolean =>
  operations === '*' || operations.split(' ').includes(operation)

const isJson = ({ headers, body }: ProxiedAnswer): boolean =>
  /\bjson\b/.test(String(headers['content-type'])) && /^[[{]/.test(body)

export const withJson = (answer: ProxiedAnswer, change: (json: Json) => Json): ProxiedAnswer =>
  isJson(answer) ? { ...answer, body: JSON.stringify(change(JSON.parse(answer.body))) } : answer

/** Changes answers of these operations (`*` for all), parted by spaces. */
export const answers = (
  operations: string,
  change: (answer: ProxiedAnswer, request: ProxiedRequest) => ProxiedAnswer,
): Fault => ({
  answer: (answer, request) => (matches(operations, request) ? change(answer, request) : answer),
})

/** Changes the JSON of the operations' successes. */
export const successes = (operations: string, change: (json: Json, request: ProxiedRequest) => Json): Fault =>
  answers(operations, (answer, request) =>
    answer.status < 300 ? withJson(answer, (json) => change(json, request)) : answer,
  )

/** Changes each entry of a page. */
export const entries = (operations: string, change: (entry: Json) => Json): Fault =>
  successes(operations, (page) => ({ ...page, data: page.data?.map(change) }))

/** Changes problems of a status, or of all. */
export const problems = (status: number | '*', change: (json: Json) => Json): Fault =>
  answers('*', (answer) =>
    answer.status >= 400 && (status === '*' || answer.status === status) ? withJson(answer, change) : answer,
  )

export const headersOf = (
  operations: string,
  change: (headers: Headers) => Headers,
  status?: number,
): Fault =>
  answers(operations, (answer) =>
    status === undefined || answer.status === status
      ? { ...answer, headers: change(answer.headers) }
      : answer,
  )

/** Changes what the server is asked. */
export const requests = (
  operations: string,
  change: (request: ProxiedRequest) => ProxiedRequest | ProxiedAnswer,
): Fault => ({ request: (request) => (matches(operations, request) ? change(request) : request) })

/** Changes the JSON that the server is sent. */
export const bodies = (operations: string, change: (json: Json) => Json): Fault =>
  requests(operations, (request) => {
    const text = Buffer.from(request.body, 'latin1').toString('utf8')
    // What is no UTF-8 stays as it is.
    if (text === '' || Buffer.from(text).toString('latin1') !== request.body) return request
    try {
      const changed = JSON.stringify(change(JSON.parse(text)))
      return { ...request, body: Buffer.from(changed).toString('latin1') }
    } catch {
      return request
    }
  })

export const queries = (operations: string, change: (query: URLSearchParams) => void): Fault =>
  requests(operations, (request) => {
    const [path = '', text = ''] = request.url.split('?')
    const query = new URLSearchParams(text)
    change(query)
    return { ...request, url: query.size > 0 ? `${path}?${query}` : path }
  })

export const without = (json: Json, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)))

/** Changes the events of streams. What it gives for an event is sent in its place; `[DONE]` comes as it is. */
export const events = (change: (event: Json, id: string, at: number) => Json[]): Fault => ({
  frames: () => {
    let at = 0
    return (frame) => {
      const [, id = '', data = ''] = /^id: (.*)\ndata: (.*)$/s.exec(frame) ?? []
      if (data === '') return [frame]
      at += 1
      const event = data === '[DONE]' ? data : JSON.parse(data)
      return change(event, id, at).map((sent) =>
        typeof sent === 'string' && sent.includes('\n')
          ? sent
          : `id: ${id}\ndata: ${sent === '[DONE]' ? sent : JSON.stringify(sent)}`,
      )
    }
  },
})

export const problem = (status: number, code: string): ProxiedAnswer => ({
  status,
  headers: {
    'content-type': 'application/problem+json',
    'x-request-id': '019a0c4e-7b7a-7c15-9c3d-7e8f90a1b2c3',
    'cache-control': 'no-store',
  },
  body: JSON.stringify({
    type: `urn:colloquy:problem:${code}`,
    title: 'A problem',
    status,
    detail: 'Something is wrong.',
    code,
    request_id: '019a0c4e-7b7a-7c15-9c3d-7e8f90a1b2c3',
  }),
})

export const noContent: ProxiedAnswer = { ...problem(204, ''), status: 204, body: '' }

/** One fault of several at once. */
export const isOf = (operations: string, request: ProxiedRequest): boolean => matches(operations, request)
