import type { Handler } from '../http/handler.js'
import { TextStream } from '../http/text-stream.js'
import type { Deps } from './deps.js'
import { decodePlace, exportLines, toNdjson } from './export-lines.js'
import { openLog } from './export-pages.js'

/** The texts of the pages. The first ones are there already: what fails until then is a problem with its status. */
async function* textsOf<T>(
  first: T[],
  rest: AsyncIterable<T>,
  toText: (page: T) => string,
): AsyncGenerator<string> {
  for (const page of first) yield toText(page)
  for await (const page of rest) yield toText(page)
}

export const exportUser =
  ({ readsAfter, currency }: Deps): Handler<'exportUser'> =>
  async ({ query, user }, reply) => {
    const place = query.cursor === undefined ? undefined : decodePlace(user.id, query.cursor)
    const log = await openLog(readsAfter, user.id, place?.asOf)
    const lines = exportLines(log, currency, place?.after)
    const first = [await lines.next(), await lines.next()].flatMap(({ value }) => (value ? [value] : []))
    return reply(200, new TextStream('application/x-ndjson', textsOf(first, lines, toNdjson)), {
      'content-disposition': 'attachment; filename="colloquy-export.ndjson"',
    })
  }
