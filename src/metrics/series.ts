import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Gauge as GaugeName } from './metrics.js'

/** The prefix of all names. */
const prefix = 'colloquy_'

/** Upper bounds in seconds, for what takes a database, a request and a model. */
const databaseSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120]
const modelSeconds = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300]
const entryCounts = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]

type LabelName = 'outcome' | 'model' | 'code' | 'purpose' | 'currency' | 'kind' | 'state' | 'queue'
type Label = LabelName | 'source' | 'reason' | 'server' | 'tool' | 'operation' | 'status'

/** What reads a gauge, by the value of its label; several chats of one process add up. */
type Readers = Map<string, (() => number)[]>

/**
 * All series, in base units, with names as https://prometheus.io/docs/practices/naming and OpenMetrics want them. What has a
 * label of few fixed values begins at 0, since the first increase of a series that was not there is none to PromQL.
 */
export const createSeries = (registry: Registry) => {
  const registers = [registry]
  const counter = <L extends Label>(name: string, help: string, ...labelNames: L[]) =>
    new Counter({ name: prefix + name, help, labelNames, registers })
  const histogram = <L extends Label>(name: string, help: string, buckets: number[], ...labelNames: L[]) =>
    new Histogram({ name: prefix + name, help, buckets, labelNames, registers })
  const readers = new Map<GaugeName, Readers>()
  const gauge = (name: GaugeName, help: string, label?: Label) => {
    const own: Readers = new Map()
    readers.set(name, own)
    new Gauge({
      name: prefix + name,
      help,
      labelNames: label ? [label] : [],
      registers,
      collect() {
        for (const [value, reads] of own) {
          const sum = reads.reduce((total, read) => total + read(), 0)
          this.set(label ? { [label]: value } : {}, sum)
        }
      },
    })
  }

  gauge('running_turns', 'Turns that run on this instance.')
  gauge('waiting_messages', 'Requests that wait for a turn that they have not begun.')
  gauge('open_streams', 'Streams that are open, by operation.', 'operation')
  gauge('batch_waiting_entries', 'Turns and messages that wait for their batch, by kind of batch.', 'kind')
  gauge('database_connections', 'Connections to the database, by state: used, idle or opening.', 'state')
  gauge('database_connections_limit', 'How many connections this instance opens at most.')
  gauge('database_waiting_requests', 'Callers that wait for a connection, by queue.', 'queue')

  const series = {
    turns: counter(
      'turns_total',
      'Attempts that have ended here, by outcome, model and problem code.',
      'outcome',
      'model',
      'code',
    ),
    turnSeconds: histogram(
      'turn_duration_seconds',
      'From the beginning of an attempt until its end is stored.',
      modelSeconds,
      'outcome',
      'model',
    ),
    firstTokenSeconds: histogram(
      'turn_first_token_seconds',
      "From the beginning of an attempt until the model's first word, thought or tool call.",
      modelSeconds,
      'model',
    ),
    leasesLost: counter(
      'leases_lost_total',
      'Attempts of this instance that another one has ended or begun anew.',
    ),
    leasesExpired: counter(
      'leases_expired_total',
      'Turns that have ended without their instance, which was not heard of.',
    ),
    inputTokens: counter('input_tokens_total', 'Tokens sent to models.', 'model', 'purpose'),
    outputTokens: counter('output_tokens_total', 'Tokens answered by models.', 'model', 'purpose'),
    cachedInputTokens: counter(
      'cached_input_tokens_total',
      'Those of the tokens sent that the provider had in its cache.',
      'model',
      'purpose',
    ),
    reasoningTokens: counter(
      'reasoning_tokens_total',
      'Those of the tokens answered that were spent on reasoning.',
      'model',
      'purpose',
    ),
    cost: counter(
      'cost_total',
      'What models have cost, in the currency of the prices.',
      'model',
      'purpose',
      'currency',
    ),
    batchEntries: histogram(
      'batch_entries',
      'Turns or messages in a batch of the group commit.',
      entryCounts,
      'kind',
    ),
    batchSeconds: histogram('batch_duration_seconds', 'How long a batch takes.', databaseSeconds, 'kind'),
    tickSeconds: histogram(
      'tick_duration_seconds',
      'From when a tick is due until it is done.',
      databaseSeconds,
      'kind',
    ),
    tickEntries: histogram(
      'tick_entries',
      'Turns that a tick renews or follows, or users whose changes it reads.',
      entryCounts,
      'kind',
    ),
    tickEvents: counter('tick_events_total', 'Events that ticks have stored or told.', 'kind'),
    tickFailures: counter('tick_failures_total', 'Ticks that have failed; the next one makes up.', 'kind'),
    connectionWaitSeconds: histogram(
      'database_connection_wait_seconds',
      'How long a transaction waits for a connection.',
      databaseSeconds,
    ),
    transactionSeconds: histogram(
      'database_transaction_duration_seconds',
      'How long a transaction takes once it has a connection.',
      databaseSeconds,
      'kind',
    ),
    roundTrips: counter('database_round_trips_total', 'How often the database was waited for.', 'kind'),
    unavailable: counter(
      'database_unavailable_total',
      'Transactions for which the database was away or late.',
      'kind',
    ),
    reads: counter(
      'reads_total',
      'Reads that a replica may answer, by source and by the reason for it.',
      'source',
      'reason',
    ),
    toolCalls: counter(
      'tool_calls_total',
      'Tool calls that models have asked for.',
      'server',
      'tool',
      'outcome',
    ),
    toolSeconds: histogram(
      'tool_call_duration_seconds',
      'How long a tool call takes.',
      modelSeconds,
      'server',
      'tool',
    ),
    requests: counter('http_requests_total', 'Requests answered.', 'operation', 'status', 'code'),
    requestSeconds: histogram(
      'http_request_duration_seconds',
      'How long a request takes; of a stream, how long it is open.',
      requestSeconds,
      'operation',
    ),
  }
  for (const kind of ['begin', 'end', 'wait']) {
    series.batchEntries.zero({ kind })
    series.batchSeconds.zero({ kind })
  }
  for (const kind of ['turns', 'updates']) {
    series.tickSeconds.zero({ kind })
    series.tickEntries.zero({ kind })
    series.tickEvents.inc({ kind }, 0)
    series.tickFailures.inc({ kind }, 0)
  }
  for (const kind of ['user', 'login', 'turns', 'others', 'probes', 'replica']) {
    series.transactionSeconds.zero({ kind })
    series.roundTrips.inc({ kind }, 0)
    series.unavailable.inc({ kind }, 0)
  }
  return { ...series, readers }
}

export type Series = ReturnType<typeof createSeries>
