import type { components } from '../../generated/contract.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { day, decodeCursor, page } from './page.js'

type DailyUsage = components['schemas']['DailyUsage']

/** The cursor's parts: day and model. */
const keyShape = [day, /^[!-~]{1,200}$/]

export const getUsage =
  ({ db }: Deps): Handler<'getUsage'> =>
  async ({ query, user }, reply) => {
    const { from = '-infinity', to = 'infinity', limit } = query
    if (query.from && query.to && query.from > query.to) {
      const errors = [{ path: '/query/to', message: 'must not be before from' }]
      return problem('validation-failed', { errors })
    }
    const scope = ['getUsage', user.id, from, to]
    const [after, model] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const usage = await db.asUser(
      user.id,
      (sql) => sql<DailyUsage[]>`
        select u.day, u.model, u.turns::float8, u.input_tokens::float8,
          u.output_tokens::float8, u.cached_input_tokens::float8, u.total_tokens::float8
        from colloquy.usage u
        where u.user_id = ${user.id} and u.day between ${from}::date and ${to}::date
          ${
            model === undefined
              ? sql``
              : sql`and u.day <= ${String(after)}::date and (u.day < ${String(after)}::date or u.model > ${model})`
          }
        order by u.day desc, u.model
        limit ${limit + 1}`,
    )
    return reply(
      200,
      page(usage, limit, scope, (row) => [row.day, row.model]),
    )
  }
