import type { components } from '../../generated/closed/contract.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'
import { day, decodeCursor, page } from './page.js'

type DailyUsage = components['schemas']['DailyUsage']

/** The cursor's parts: day and model. */
const keyShape = [day, /^[!-~]{1,200}$/]

export const listUsage =
  ({ db }: Deps): Handler<'listUsage'> =>
  async ({ query, user }, reply) => {
    const { first_day: first = '-infinity', last_day: last = 'infinity', limit } = query
    if (query.first_day && query.last_day && query.first_day > query.last_day) {
      return problem('validation-failed', {
        errors: [{ path: '/query/last_day', code: 'order', message: 'must not be before first_day' }],
      })
    }
    const scope = ['listUsage', user.id, first, last]
    const [after, model] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const usage = await db.asUser(
      user.id,
      (sql) => sql<DailyUsage[]>`
        select u.day, u.model, u.turns::float8, u.input_tokens::float8,
          u.output_tokens::float8, u.cached_input_tokens::float8, u.reasoning_tokens::float8, u.total_tokens::float8
        from colloquy.usage u
        where u.user_id = ${user.id} and u.day between ${first}::date and ${last}::date
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
