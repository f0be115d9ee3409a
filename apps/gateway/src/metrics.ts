/** The gateway's metrics, bound once and updated from plain callbacks. Served as Prometheus text on /metrics. */
import type { GatewayStats } from "@credits/client"
import { Context, Effect, Layer, Metric } from "effect"
import type { CallEnd } from "./usage.ts"

/** 1 ms to 131 s: models take their time. */
const MILLISECONDS = Metric.exponentialBoundaries({ start: 1, factor: 2, count: 18 })

const counter = (name: string, description: string) => Metric.counter(name, { description, incremental: true })

const requests = counter("gateway_http_requests_total", "HTTP requests by route and status")
const requestMs = Metric.histogram("gateway_http_request_ms", {
  description: "Time to the end of the answer, ms",
  boundaries: MILLISECONDS,
})
const calls = counter("gateway_calls_total", "Calls that a provider answered, by mode and how they ended")
const outputTokens = counter("gateway_output_tokens_total", "Output tokens passed on, by mode")
const authorizations = counter("gateway_authorizations_total", "Holds asked for, by outcome")
const extensions = counter("gateway_extensions_total", "Extensions of holds asked for, by outcome")
const recovered = counter("gateway_recovered_calls_total", "Calls of a dead process settled at the start")
const inFlight = Metric.gauge("gateway_requests_in_flight", { description: "Requests being answered" })
const unsettled = Metric.gauge("gateway_open_calls", { description: "Calls whose end is not handed in yet" })
const spool = Metric.gauge("gateway_spool_bytes", { description: "Usage on disk that is not in the stream yet" })
const published = Metric.gauge("gateway_usage_published", { description: "Usage events in the stream since the start" })
const rejected = Metric.gauge("gateway_usage_rejected", { description: "Usage events that nobody will take" })
const failures = Metric.gauge("gateway_usage_failures", { description: "Failed attempts to hand usage in" })
const memory = Metric.gauge("process_resident_memory_bytes", { description: "Resident memory" })
const cpu = Metric.gauge("process_cpu_seconds_total", { description: "User and system CPU time" })

/** Tagged metrics are made once: making one costs five times the update. */
const tagged = <Input>(metric: Metric.Metric<Input, unknown>) => {
  const made = new Map<string, Metric.Metric<Input, unknown>>()
  return (attributes: Record<string, string>): Metric.Metric<Input, unknown> => {
    const key = Object.values(attributes).join("|")
    let found = made.get(key)
    if (found === undefined) {
      found = metric.pipe(Metric.withAttributes(attributes)) as Metric.Metric<Input, unknown>
      made.set(key, found)
    }
    return found
  }
}

export interface GatewayMetrics {
  readonly requestAnswered: (route: string, status: number, ms: number) => void
  readonly callEnded: (mode: "hosted" | "byok", end: CallEnd) => void
  readonly authorized: (outcome: string) => void
  readonly extended: (outcome: string) => void
  readonly recovered: (count: number) => void
  /** Called before the metrics are rendered. */
  readonly sample: (stats: GatewayStats, open: number, requestsInFlight: number) => void
}

export class Metrics extends Context.Service<Metrics, GatewayMetrics>()("gateway/Metrics") {
  static readonly layer = Layer.effect(
    Metrics,
    Effect.gen(function* () {
      const context = yield* Effect.context()
      const requestsOf = tagged(requests)
      const requestMsOf = tagged(requestMs)
      const callsOf = tagged(calls)
      const outputOf = tagged(outputTokens)
      const authorizationsOf = tagged(authorizations)
      const extensionsOf = tagged(extensions)
      return Metrics.of({
        requestAnswered: (route, status, ms) => {
          requestsOf({ route, status: String(status) }).updateUnsafe(1, context)
          requestMsOf({ route }).updateUnsafe(ms, context)
        },
        callEnded: (mode, { status, usage, produced }) => {
          callsOf({ mode, status }).updateUnsafe(1, context)
          outputOf({ mode }).updateUnsafe(usage?.output ?? produced, context)
        },
        authorized: (outcome) => authorizationsOf({ outcome }).updateUnsafe(1, context),
        extended: (outcome) => extensionsOf({ outcome }).updateUnsafe(1, context),
        recovered: (count) => recovered.updateUnsafe(count, context),
        sample: (stats, open, requestsInFlight) => {
          inFlight.updateUnsafe(requestsInFlight, context)
          unsettled.updateUnsafe(open, context)
          spool.updateUnsafe(stats.spoolBytes, context)
          published.updateUnsafe(stats.eventsPublished, context)
          rejected.updateUnsafe(stats.eventsRejected, context)
          failures.updateUnsafe(stats.publishFailures, context)
          memory.updateUnsafe(process.memoryUsage.rss(), context)
          const used = process.cpuUsage()
          cpu.updateUnsafe((used.user + used.system) / 1e6, context)
        },
      })
    }),
  )
}
