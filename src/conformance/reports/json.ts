import type { Exchange } from '../client.js'
import { toCurl } from '../curl.js'
import type { Report } from '../run.js'
import type { Secrets } from './text.js'

/** How much of a body the report keeps. */
const maxText = 20_000

const hide = (text: string, secrets: Secrets): string =>
  Object.entries(secrets).reduce((hidden, [secret, name]) => hidden.replaceAll(secret, `$${name}`), text)

/** Hides the secrets in every text of a value. */
const withoutSecrets = <T>(value: T, secrets: Secrets): T =>
  JSON.parse(JSON.stringify(value), (_, inner) => (typeof inner === 'string' ? hide(inner, secrets) : inner))

const describe = ({ request, response, error, milliseconds }: Exchange, secrets: Secrets) => ({
  request: {
    method: request.method,
    url: request.url,
    headers: request.headers,
    ...(request.body !== undefined && { body: request.body.toString().slice(0, maxText) }),
  },
  ...(response && {
    response: {
      status: response.status,
      headers: response.headers,
      body: response.text.slice(0, maxText),
      is_complete: response.isComplete,
    },
  }),
  ...(error !== undefined && { error }),
  milliseconds,
  curl: toCurl(request, secrets),
})

/** The report as JSON, with the exchanges of what failed. No token is in it. */
export const toJson = (report: Report, secrets: Secrets): string => {
  const { results, allRequests, requests, startedAt, users, version, left, ...rest } = report
  const count = (outcome: string) => results.filter((result) => result.outcome === outcome).length
  const value = {
    contract_version: version,
    started_at: startedAt.toISOString(),
    ...rest,
    users,
    counts: {
      checks: results.length,
      passed: count('passed'),
      failed: count('failed'),
      not_seen: count('not seen'),
      requests: allRequests,
      turns: report.turns,
      conversations_left: left,
    },
    requests,
    results: undefined,
    checks: results.map(({ exchange, ...result }) => ({
      ...result,
      ...(exchange && { exchange: describe(exchange, secrets) }),
    })),
  }
  return `${JSON.stringify(withoutSecrets(value, secrets), null, 2)}\n`
}
