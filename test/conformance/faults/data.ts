import { answers, problem, queries, requests, successes } from '../change.js'
import type { PlantedFault } from './planted.js'

const rows = {
  conversations: 3,
  turns: 2,
  messages: 4,
  feedback: 0,
  stream_events: 0,
  idempotency_keys: 0,
  usage: 1,
  limit_counts: 1,
  updates: 0,
}

const usage = {
  day: '2026-11-21',
  model: 'echo',
  turns: 1,
  input_tokens: 0,
  output_tokens: 0,
  cached_input_tokens: 0,
  reasoning_tokens: 0,
  total_tokens: 0,
  cost: null,
}

/** What happens to all of a user's data at once. */
/** Changes the lines of an export. */
const exported = (change: (lines: string[]) => string[]) =>
  answers('exportUser', (answer) =>
    answer.status === 200
      ? {
          ...answer,
          body: change(answer.body.split('\n').slice(0, -1))
            .map((line) => `${line}\n`)
            .join(''),
        }
      : answer,
  )
const hasType = (type: string) => (line: string) => line.startsWith(`{"type":"${type}"`)

export const dataFaults: PlantedFault[] = [
  {
    name: 'a second import counts as a first',
    seenBy: ['import.lines', 'import.others'],
    make: () =>
      successes('importUser', (report) => ({
        ...report,
        messages: { ...report.messages, taken: 2, already_there: 0 },
      })),
  },
  {
    name: 'an import says that it has taken what it has not',
    seenBy: ['import.lines'],
    make: () =>
      requests('importUser', (request) => ({ ...request, body: request.body.replace('"Why? "', '"Why?"') })),
  },
  {
    name: 'a file that is none is taken for an empty one',
    seenBy: ['import.refused'],
    make: () =>
      requests('importUser', (request) =>
        request.body === '{"a":1}' ? { ...request, body: '{"type":"end"}' } : request,
      ),
  },
  {
    name: 'an export leaves a message out',
    seenBy: ['export.lines'],
    make: () =>
      exported((lines) =>
        lines.filter((line, at) => !(hasType('message')(line) && hasType('usage')(lines[at + 1] ?? ''))),
      ),
  },
  {
    name: 'an export has the messages of a conversation before it',
    seenBy: ['export.lines'],
    make: () =>
      exported((lines) => [
        ...lines.slice(0, 1),
        ...lines.filter(hasType('message')),
        ...lines.slice(1).filter((line) => !hasType('message')(line)),
      ]),
  },
  {
    name: 'an export has no end',
    seenBy: ['export.lines'],
    make: () => exported((lines) => lines.slice(0, -1)),
  },
  {
    name: 'an export has no usage',
    seenBy: ['export.lines'],
    make: () => exported((lines) => lines.filter((line) => !hasType('usage')(line))),
  },
  {
    name: 'a line of an export is no ExportLine',
    seenBy: ['export.lines'],
    make: () => exported((lines) => lines.map((line) => line.replace('"as_of"', '"asof"'))),
  },
  {
    name: 'an export begins anew whatever the cursor',
    seenBy: ['export.resume'],
    make: () => queries('exportUser', (query) => query.delete('cursor')),
  },
  {
    name: 'Markdown is not told from JSON',
    seenBy: ['export.conversation'],
    make: () => queries('exportConversation', (query) => query.delete('format')),
  },
  {
    name: 'a rating is not kept',
    seenBy: ['feedback'],
    make: () => successes('getMessage', ({ feedback: _, ...message }) => message),
  },
  {
    name: 'a rating that is taken back stays',
    seenBy: ['feedback'],
    make: () =>
      requests('rateMessage', (request) =>
        request.body === '{"rating":null}' ? { ...request, body: '{"rating":"up"}' } : request,
      ),
  },
  {
    name: "a user's message can be rated",
    seenBy: ['feedback'],
    make: () =>
      answers('rateMessage', (answer) =>
        answer.status === 422 && answer.body.includes('/path/message_id')
          ? problem(404, 'message-not-found')
          : answer,
      ),
  },
  {
    name: 'a user is erased without being confirmed',
    seenBy: ['erase.confirm'],
    make: () => ({
      request: (request) => {
        const [path = ''] = request.url.split('?')
        return request.operation === 'eraseUser'
          ? { ...request, url: `${path}?confirm=${path.split('/').at(-1)}` }
          : request
      },
    }),
  },
  {
    name: 'erasing erases nothing',
    seenBy: ['erase.all'],
    make: () =>
      requests('eraseUser', ({ url }) => ({
        status: 200,
        headers: {
          'content-type': 'application/json',
          'cache-control': 'no-store',
          'x-request-id': '019a0c4e-7b7a-7c15-9c3d-7e8f90a1b2c3',
        },
        body: JSON.stringify({
          user_id: decodeURIComponent(url.split('confirm=')[1] ?? ''),
          erased_at: '2026-11-21T09:45:00.000Z',
          rows,
        }),
      })),
  },
  {
    name: 'the receipt counts nothing',
    seenBy: ['erase.all'],
    make: () =>
      successes('eraseUser', (receipt) => ({
        ...receipt,
        rows: Object.fromEntries(Object.keys(receipt.rows).map((kind) => [kind, 0])),
      })),
  },
  {
    name: 'a second erasure counts what the first has erased',
    seenBy: ['erase.all'],
    make: () => successes('eraseUser', (receipt) => ({ ...receipt, rows })),
  },
  {
    name: 'the problem of a wrong confirmation names no place',
    seenBy: ['erase.confirm'],
    make: () =>
      answers('eraseUser', (answer) =>
        answer.status === 422
          ? { ...answer, body: answer.body.replaceAll('/query/confirm', '/query') }
          : answer,
      ),
  },
  {
    name: 'usage outlives the erasure of its user',
    seenBy: ['erase.all'],
    make: () => successes('listUsage', (page) => (page.data.length > 0 ? page : { ...page, data: [usage] })),
  },
]
