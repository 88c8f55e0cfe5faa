import type { Handler } from '../http/handler.js'
import type { Deps } from './deps.js'

export const listAssistants =
  ({ assistants }: Deps): Handler<'listAssistants'> =>
  async (_request, reply) => {
    const data = assistants.listed.map(({ name, title, description, isDefault: is_default, models }) => ({
      name,
      title,
      description,
      is_default,
      models: [...models],
    }))
    return reply(200, { data, next_cursor: null })
  }
