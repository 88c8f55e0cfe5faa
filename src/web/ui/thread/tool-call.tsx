import type { Call } from '../../store/answer.js'
import { Icon } from '../parts/icon.js'

const statuses: Record<Call['status'], string> = {
  writing: 'is being called',
  running: 'is running',
  completed: 'is done',
  failed: 'failed',
  waiting: 'waits for approval',
  denied: 'was not allowed',
}

const toText = (value: unknown): string =>
  typeof value === 'string' ? value : (JSON.stringify(value, undefined, 2) ?? '')

/** Results of tools are often text blocks of the Model Context Protocol. */
const Value = ({ name, value }: { name: string; value: unknown }) => (
  <div class="tool-value">
    <p>{name}</p>
    {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
    <pre tabIndex={0} dir="auto">
      {toText(value)}
    </pre>
  </div>
)

const seconds = new Intl.NumberFormat('en', { style: 'unit', unit: 'second', maximumFractionDigits: 1 })

/** A tool that the model called: its name and state, and, unfolded, what went in and what came out. */
export const ToolCall = ({ call }: { call: Call }) => {
  const { name, status, input, output, error, durationMs, progress, note } = call
  const isRunning = status === 'running' || status === 'writing'
  return (
    <details class={`fold tool tool-${status}`}>
      <summary>
        <Icon name={status === 'failed' || status === 'denied' ? 'warning' : 'tool'} />
        <span class="tool-name">
          <bdi>{name}</bdi> {statuses[status]}
        </span>
        {durationMs != null && <span class="tool-duration">{seconds.format(durationMs / 1000)}</span>}
        {isRunning && <progress class="tool-progress" aria-label={`${name} is running`} value={progress} />}
        {isRunning && note && (
          <span class="tool-note" dir="auto">
            {note}
          </span>
        )}
      </summary>
      <Value name="Input" value={input} />
      {error !== undefined && <Value name="Error" value={error} />}
      {output !== undefined && <Value name="Result" value={output} />}
    </details>
  )
}
