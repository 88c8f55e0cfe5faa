import { collectDefaultMetrics, Registry } from 'prom-client'
import { operations } from '../../generated/bindings.js'
import { catalogue } from '../problem-catalogue.js'
import type { Exposition, Metrics, ModelUse, TurnWatch } from './metrics.js'
import { createSeries, type Series } from './series.js'

export interface PrometheusOptions {
  /** the names of all models that may answer */
  models: readonly string[]
  /** the names of the configured tool servers */
  toolServers: readonly string[]
  /** what costs are in */
  currency: string | undefined
  /** where the series go, when an app exposes them itself; default: a registry of their own, with Node's metrics */
  registry?: object | undefined
}

/** How many tools of a server have series of their own: it lists what it likes, and may list something else tomorrow. */
const maxToolsOfServer = 100

/** The value of a label for whatever is not among those that the program or its operator has named. */
const other = 'other'

const seconds = (since: number): number => Math.max(0, performance.now() - since) / 1_000

/** A counter does not take less than nothing, whatever a provider reports. */
const atLeast0 = (amount: number | null): number => Math.max(0, amount ?? 0)

/** Lets only these values become labels. */
const among = (values: Iterable<string>) => {
  const known = new Set(values)
  return (value: string | undefined): string => (value !== undefined && known.has(value) ? value : other)
}

/** Lets so many names of each of these servers become labels: those that come first. */
const createToolLabels = (servers: readonly string[]) => {
  const known = new Map(servers.map((server) => [server, new Set<string>()]))
  return (server: string | undefined, tool: string) => {
    const tools = known.get(server ?? '')
    if (!tools || server === undefined) return { server: other, tool: other }
    if (tools.size < maxToolsOfServer) tools.add(tool)
    return { server, tool: tools.has(tool) ? tool : other }
  }
}

/** By registry: several chats of an app share the series. */
const made = new WeakMap<Registry, Series>()

const seriesIn = (registry: Registry): Series => {
  const series = made.get(registry) ?? createSeries(registry)
  made.set(registry, series)
  return series
}

/** Keeps what the rooms tell as Prometheus' series. No label has a value that a user can choose. */
export const createPrometheus = ({
  models,
  toolServers,
  currency = '',
  registry: given,
}: PrometheusOptions): { metrics: Metrics; exposition: Exposition } => {
  const registry = (given as Registry | undefined) ?? new Registry()
  if (!given) collectDefaultMetrics({ register: registry })
  const series = seriesIn(registry)
  const modelLabel = among(models)
  const operationLabel = among(Object.keys(operations))
  const codeLabel = among(Object.keys(catalogue))
  const toolLabels = createToolLabels(toolServers)
  const codeOf = (code: string | null | undefined): string => (code ? codeLabel(code) : 'none')

  const use = (purpose: 'turn' | 'title' | 'summary', { model: name, usage, cost }: ModelUse): void => {
    const model = modelLabel(name)
    series.inputTokens.inc({ model, purpose }, atLeast0(usage.input_tokens))
    series.outputTokens.inc({ model, purpose }, atLeast0(usage.output_tokens))
    series.cachedInputTokens.inc({ model, purpose }, atLeast0(usage.cached_input_tokens))
    series.reasoningTokens.inc({ model, purpose }, atLeast0(usage.reasoning_tokens))
    if (cost !== null) series.cost.inc({ model, purpose, currency }, atLeast0(cost) / 1_000_000)
  }

  const turn = (): TurnWatch => {
    const began = performance.now()
    let firstToken: number | undefined
    return {
      event() {
        firstToken ??= seconds(began)
      },
      ended({ outcome, code, ...used }) {
        const model = modelLabel(used.model)
        series.turns.inc({ outcome, model, code: codeOf(code) })
        series.turnSeconds.observe({ outcome, model }, seconds(began))
        if (firstToken !== undefined) series.firstTokenSeconds.observe({ model }, firstToken)
        if (outcome === 'lost') series.leasesLost.inc()
        use('turn', used)
      },
    }
  }

  const metrics: Metrics = {
    gauge(name, read, label = '') {
      const readers = series.readers.get(name)
      readers?.set(label, [...(readers.get(label) ?? []), read])
    },
    turn,
    use,
    leaseExpired: () => series.leasesExpired.inc(),
    batch(kind, entries) {
      const began = performance.now()
      return () => {
        series.batchEntries.observe({ kind }, entries)
        series.batchSeconds.observe({ kind }, seconds(began))
      }
    },
    tick(kind, inMs) {
      const due = performance.now() + inMs
      return {
        done(entries, events) {
          series.tickSeconds.observe({ kind }, seconds(due))
          series.tickEntries.observe({ kind }, entries)
          series.tickEvents.inc({ kind }, events)
        },
        failed() {
          series.tickSeconds.observe({ kind }, seconds(due))
          series.tickFailures.inc({ kind })
        },
      }
    },
    transaction(kind) {
      let began = performance.now()
      let isConnected = false
      return {
        connected() {
          series.connectionWaitSeconds.observe(seconds(began))
          began = performance.now()
          isConnected = true
        },
        roundTrip: () => series.roundTrips.inc({ kind }),
        ended() {
          if (isConnected) series.transactionSeconds.observe({ kind }, seconds(began))
          else series.connectionWaitSeconds.observe(seconds(began))
        },
        unavailable: () => series.unavailable.inc({ kind }),
      }
    },
    toolCall({ server, tool, outcome, seconds }) {
      const labels = toolLabels(server, tool)
      series.toolCalls.inc({ ...labels, outcome })
      if (seconds !== undefined) series.toolSeconds.observe(labels, seconds)
    },
    read: (outcome) =>
      outcome === 'replica'
        ? series.reads.inc({ source: 'replica', reason: 'current' })
        : series.reads.inc({ source: 'primary', reason: outcome }),
    request({ operation: id, status, code, seconds }) {
      const operation = operationLabel(id)
      series.requests.inc({ operation, status, code: codeOf(code) })
      series.requestSeconds.observe({ operation }, seconds)
    },
  }
  return {
    metrics,
    exposition: { contentType: registry.contentType, read: () => registry.metrics() },
  }
}
