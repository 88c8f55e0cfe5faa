/** A number of microunits of a currency (1250000 is 1.25), as people write it. Costs under a cent keep two digits that say something. */
export const formatCost = (microunits: number, currency: string, locale?: string): string => {
  const amount = microunits / 1_000_000
  const usual = new Intl.NumberFormat(locale, { style: 'currency', currency })
  const smallest = 10 ** -(usual.resolvedOptions().maximumFractionDigits ?? 2)
  if (amount === 0 || amount >= smallest) return usual.format(amount)
  const exact = {
    style: 'currency',
    currency,
    minimumFractionDigits: 0,
    maximumSignificantDigits: 2,
  } as const
  return new Intl.NumberFormat(locale, exact).format(amount)
}

export const formatCount = (count: number, locale?: string): string =>
  new Intl.NumberFormat(locale).format(count)

/** 1234567 as 1.2M: for an axis, where the exact number has no room. */
export const formatShort = (count: number, locale?: string): string =>
  new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 }).format(count)

/** The contract's days begin at midnight UTC, wherever the reader is. */
export const formatDay = (day: string, locale?: string): string =>
  new Intl.DateTimeFormat(locale, { month: 'short', day: 'numeric', timeZone: 'UTC' }).format(new Date(day))
