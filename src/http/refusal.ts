/** Why a caller was refused, for the log alone: what was expected, and what came; never the token. */
export interface Refusal {
  reason: string
  expected?: string | string[] | undefined
  received?: string | string[] | undefined
}

declare module 'fastify' {
  interface FastifyRequest {
    /** set when the caller was refused; the request's line in the log says it */
    refusal: Refusal | null
  }
}

const maxLength = 200
const maxValues = 10

/** What others wrote, fit for a line of a log or a terminal: bounded, and without what either would act on. */
export const toLogText = (value: unknown): string => {
  const text = typeof value === 'string' ? value : value === undefined ? '(absent)' : `(${typeof value})`
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text
  return cut.toWellFormed().replace(/[\p{C}\u2028\u2029]/gu, '\uFFFD')
}

export const toLogTexts = (value: unknown): string | string[] => {
  if (!Array.isArray(value)) return toLogText(value)
  const shown = value.slice(0, maxValues).map(toLogText)
  return value.length > maxValues ? [...shown, `and ${value.length - maxValues} more`] : shown
}

/** A time of a token, which counts seconds since 1970. */
export const toLogTime = (value: unknown): string => {
  if (typeof value !== 'number') return toLogText(value)
  const time = new Date(value * 1_000)
  return Number.isNaN(time.getTime()) ? toLogText(String(value)) : time.toJSON()
}

const perMinute = 60

/** Lets only so many refusals a minute tell their values, so that a flood of bad tokens does not make the log many times as long. */
export const createDetailLimiter = (now: () => number = () => performance.now()) => {
  let minute = Number.NEGATIVE_INFINITY
  let told = 0
  return ({ reason, ...values }: Refusal): Refusal => {
    if (now() - minute >= 60_000) {
      minute = now()
      told = 0
    }
    told += 1
    return told <= perMinute ? { reason, ...values } : { reason }
  }
}
