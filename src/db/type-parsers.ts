import type { PostgresType } from 'postgres'

const quotedElement = (value: unknown): string =>
  value === null ? 'null' : `"${String(value).replace(/["\\]/g, '\\$&')}"`

/**
 * Conversions between JavaScript and PostgreSQL. Times are RFC 3339 in UTC with milliseconds, and days YYYY-MM-DD, both
 * ways. A JavaScript array is a parameter of type text[], uuid[], integer[] or boolean[]. Arrays are returned as
 * PostgreSQL prints them, so select `to_jsonb(…)` of one.
 */
export const types: Record<string, PostgresType> = {
  time: {
    to: 1184,
    from: [1184],
    serialize: (time: string | Date) => new Date(time).toISOString(),
    parse: (text: string) => new Date(text).toISOString(),
  },
  // The driver's own parser would return a time.
  day: { to: 1082, from: [1082], serialize: (day: string) => day, parse: (text: string) => text },
  array: {
    to: 1009,
    from: [1009, 2951, 1007, 1000],
    serialize: (values: readonly unknown[] | string) =>
      typeof values === 'string' ? values : `{${values.map(quotedElement).join(',')}}`,
    parse: (text: string) => text,
  },
}
