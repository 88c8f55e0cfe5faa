import { useState } from 'preact/hooks'
import { useChat } from '../../chat/chat.js'
import { readUsage } from '../../usage/read-usage.js'
import { UsageChart } from '../../usage/usage-chart.js'
import { Dialog } from '../parts/dialog.js'
import { FailureNote } from '../parts/failure-note.js'
import { useLoaded } from './use-loaded.js'

const DAY_MS = 86_400_000
const periods = [7, 30, 90]

/** A day in UTC, as usage is counted. */
const dayBefore = (days: number): string =>
  new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 'YYYY-MM-DD'.length)

const Period = ({ days }: { days: number }) => {
  const { client } = useChat()
  const { value, failure } = useLoaded((signal) =>
    readUsage(client, { first_day: dayBefore(days - 1) }, signal),
  )
  if (failure) return <FailureNote failure={failure} />
  if (!value) return <p role="status">Loading …</p>
  return <UsageChart rows={value.rows} currency={value.currency} />
}

/** What the user's turns took, by day and model. */
export const UsageDialog = ({ onClose }: { onClose: () => void }) => {
  const [days, setDays] = useState(30)
  return (
    <Dialog title="Usage and cost" isWide onClose={onClose}>
      <label class="period">
        <span>Period</span>
        <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
          {periods.map((days) => (
            <option key={days} value={days}>
              {days} days
            </option>
          ))}
        </select>
      </label>
      <Period key={days} days={days} />
    </Dialog>
  )
}
