import type { components } from '../../../generated/contract.js'
import type { Client } from '../../client/client-types.js'
import type { DailyUsage } from './series.js'

export interface UsageReport {
  /** all days and models of the period, whatever the page size */
  rows: DailyUsage[]
  total: components['schemas']['UsageTotal']
  /** null when the server knows no prices */
  currency: string | null
}

/** Reads all pages of listUsage for a period. Both days are such as 2026-11-01, and belong to it. */
export const readUsage = async (
  client: Pick<Client, 'listUsage'>,
  period: { first_day?: string; last_day?: string },
  signal?: AbortSignal,
): Promise<UsageReport> => {
  const rows: DailyUsage[] = []
  const list = client.listUsage({ ...period, limit: 100 }, { signal })
  for await (const page of list.pages()) rows.push(...page.data)
  const { total, currency } = await list
  return { rows, total, currency }
}
