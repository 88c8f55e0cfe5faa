import type { components } from '../../generated/closed/contract.js'
import type { Sql } from '../db/database.js'
import type { Handler } from '../http/handler.js'
import { problem } from '../problems.js'
import { tokenOf } from './consistency.js'
import type { Deps } from './deps.js'
import { day, decodeCursor, page } from './page.js'

type DailyUsage = components['schemas']['DailyUsage']
type UsageTotal = components['schemas']['UsageTotal']

/** The contract's largest sum. */
const most = Number.MAX_SAFE_INTEGER
const sum = (sql: Sql, column: string) => sql`least(coalesce(sum(u.${sql(column)}), 0), ${most})`

/** The cursor's parts: day and model. */
const keyShape = [day, /^[!-~]{1,200}$/]

export const listUsage =
  ({ readsAfter, currency }: Deps): Handler<'listUsage'> =>
  async ({ query, headers, user }, reply) => {
    const { first_day: first = '-infinity', last_day: last = 'infinity', limit } = query
    if (query.first_day && query.last_day && query.first_day > query.last_day) {
      return problem('validation-failed', {
        errors: [{ path: '/query/last_day', code: 'order', message: 'must not be before first_day' }],
      })
    }
    const scope = ['listUsage', user.id, first, last]
    const [after, model] = query.cursor === undefined ? [] : decodeCursor(scope, keyShape, query.cursor)
    const reads = readsAfter(headers['Consistency-Token'])
    const [{ rows, total }] = await reads.asUser(
      user.id,
      (sql) => sql<[{ rows: DailyUsage[]; total: UsageTotal }]>`
        select
          (
            select coalesce(json_agg(d order by d.day desc, d.model), '[]')
            from (
              select u.day, u.model, u.turns, u.input_tokens, u.output_tokens, u.cached_input_tokens, u.reasoning_tokens,
                u.total_tokens, u.cost
              from colloquy.usage u
              where u.user_id = ${user.id} and u.day between ${first}::date and ${last}::date
                ${
                  model === undefined
                    ? sql``
                    : sql`and u.day <= ${String(after)}::date and (u.day < ${String(after)}::date or u.model > ${model})`
                }
              order by u.day desc, u.model
              limit ${limit + 1}
            ) d
          ) as rows,
          (
            select json_build_object(
              'turns', ${sum(sql, 'turns')}, 'input_tokens', ${sum(sql, 'input_tokens')},
              'output_tokens', ${sum(sql, 'output_tokens')},
              'cached_input_tokens', ${sum(sql, 'cached_input_tokens')},
              'reasoning_tokens', ${sum(sql, 'reasoning_tokens')}, 'total_tokens', ${sum(sql, 'total_tokens')},
              'cost', sum(u.cost))
            from colloquy.usage u
            where u.user_id = ${user.id} and u.day between ${first}::date and ${last}::date
          ) as total`,
    )
    const { data, next_cursor } = page(rows, limit, scope, (row) => [row.day, row.model])
    return reply(200, { data, total, currency, next_cursor }, tokenOf(reads))
  }
