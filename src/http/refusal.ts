/** Why a request was refused, for the log only: the expected and the received values, never the token. */
export interface Refusal {
  reason: string
  expected?: string | string[] | undefined
  received?: string | string[] | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    /** set when the request was refused; logged with the request */
    refusal: Refusal | null
  }
}

const maxDetailedPerMinute = 60

/** Limits how many refusals a minute are logged with their values, so that a flood of bad tokens does not inflate the log. */
export const createDetailLimiter = () => {
  let minuteStart = Number.NEGATIVE_INFINITY
  let count = 0
  return ({ reason, ...values }: Refusal): Refusal => {
    const now = performance.now()
    if (now - minuteStart >= 60_000) {
      minuteStart = now
      count = 0
    }
    count += 1
    return count <= maxDetailedPerMinute ? { reason, ...values } : { reason }
  }
}
