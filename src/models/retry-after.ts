/**
 * Reads how long to wait before a retry, in milliseconds: `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3), or
 * OpenAI's `retry-after-ms`.
 */
export const readRetryAfter = (
  headers: Record<string, string> = {},
  now = Date.now(),
): number | undefined => {
  const ms = headers['retry-after-ms'] ?? ''
  if (/^\d{1,9}(\.\d+)?$/.test(ms)) return Number(ms)
  const value = headers['retry-after'] ?? ''
  if (/^\d{1,9}(\.\d+)?$/.test(value)) return Number(value) * 1_000
  // An HTTP date begins with its weekday; Date.parse accepts far more than HTTP dates.
  const date = /^[A-Z]/i.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(date - now, 0)
}
