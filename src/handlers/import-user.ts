import type { Handler } from '../http/handler.js'
import { importFile } from '../imports/import-file.js'
import { UnreadableFile } from '../imports/unreadable-file.js'
import { problem } from '../problems.js'
import type { Deps } from './deps.js'

const codes = { malformed: 'malformed-body', 'too-large': 'body-too-large' } as const

export const importUser =
  ({ db, assistants, retention }: Deps): Handler<'importUser'> =>
  async ({ user, body }, reply) => {
    try {
      return reply(
        200,
        await importFile({ db, retention }, user.id, body, (name) => assistants.get(name) !== undefined),
      )
    } catch (error) {
      if (!(error instanceof UnreadableFile)) throw error
      const { kind, message } = error
      return kind === 'unknown-format'
        ? problem('validation-failed', { errors: [{ path: '/body', code: 'value', message }] })
        : problem(codes[kind], { detail: message })
    }
  }
