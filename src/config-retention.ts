import type { EnvironmentReader } from './environment.js'
import type { RetentionRule } from './turns/retention-rule.js'

const kinds = ['pinned', 'archived']
const maxDays = 36_500

/** Reads how long conversations are kept; undefined: for ever. Throws ConfigError. */
export const readRetention = ({ integer, list, fail }: EnvironmentReader): RetentionRule | undefined => {
  const days = integer('CHAT_RETENTION_DAYS', 0, 0, maxDays)
  const given = list('CHAT_RETENTION_KEEPS')
  const keeps = given.length === 0 ? ['pinned'] : given
  if (keeps.join() !== 'none' && !keeps.every((kind) => kinds.includes(kind)))
    fail('CHAT_RETENTION_KEEPS', `none, or any of ${kinds.join(', ')}, separated by commas`)
  return days === 0
    ? undefined
    : { days, keeps_pinned: keeps.includes('pinned'), keeps_archived: keeps.includes('archived') }
}
