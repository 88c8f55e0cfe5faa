import { toRequest } from './build-request.js'
import type { User } from './check.js'
import { exchange } from './client.js'
import type { Contract } from './contract.js'

const claimsOf = (token: string): { sub?: unknown; exp?: unknown } => {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) ?? {}
  } catch {
    return {}
  }
}

/** Whom a JWT is for. Undefined when it cannot be read. */
export const subjectOf = (token: string): string | undefined => {
  const { sub } = claimsOf(token)
  return typeof sub === 'string' ? sub : undefined
}

/** When a JWT expires, in ms since 1970. */
export const expiryOf = (token: string): number => {
  const { exp } = claimsOf(token)
  return typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY
}

export interface Server {
  contract: Contract
  url: string
  timeoutMs: number
}

/** Why no check would tell anything: nobody answers, or a token does not pass. Undefined when the checks may begin. */
export const findObstacle = async (
  { contract, url, timeoutMs }: Server,
  users: { a: User; b: User },
): Promise<string | undefined> => {
  for (const [name, user] of Object.entries(users)) {
    const request = toRequest(url, user, contract.operation('listModels'), { as: user })
    const { response, error } = await exchange(request, { timeoutMs, maxBytes: 1_048_576 })
    if (!response) return `${url} cannot be reached: ${error}`
    const who = `the token of user ${name.toUpperCase()} (${user.id})`
    if (response.status === 401) return `${url} refuses ${who}: 401`
    if (response.status === 403)
      return `${url} takes ${who} for that of another user: 403. --user-${name} names the user.`
    if (response.status === 404)
      return `${url} has no ${new URL(request.url).pathname}: is this where the API begins?`
  }
  return undefined
}
