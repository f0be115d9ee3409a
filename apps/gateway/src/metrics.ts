/** The gateway's metrics, bound once and updated from plain callbacks. Served as Prometheus text on /metrics. */
import type { GatewayStats } from "@credits/client"
import { counter, following, processFigures, tagged } from "@credits/telemetry"
import { Context, Effect, Layer, Metric } from "effect"
import type { CallEnd } from "./usage.ts"

/** 1 ms to 131 s: models take their time. */
const SECONDS = Metric.exponentialBoundaries({ start: 0.001, factor: 2, count: 18 })

const requests = counter("gateway_http_requests_total", "HTTP requests by route and status")
const requestSeconds = Metric.histogram("gateway_http_request_seconds", {
  description: "Time to the end of the answer",
  boundaries: SECONDS,
})
const calls = counter("gateway_calls_total", "Calls that were passed to a provider, by mode and how they ended")
const outputTokens = counter("gateway_output_tokens_total", "Output tokens passed on, by mode")
const authorizations = counter("gateway_authorizations_total", "Holds asked for, by outcome")
const extensions = counter("gateway_extensions_total", "Extensions of holds asked for, by outcome")
const recovered = counter("gateway_recovered_calls_total", "Calls of a dead process settled at the start")
const inFlight = Metric.gauge("gateway_requests_in_flight", { description: "Requests being answered" })
const unsettled = Metric.gauge("gateway_open_calls", { description: "Calls whose end is not handed in yet" })
const spool = Metric.gauge("gateway_spool_bytes", { description: "Usage on disk that is not in the stream yet" })
const published = counter("gateway_usage_published_total", "Usage events that are in the stream")
const rejected = counter("gateway_usage_rejected_total", "Usage events that nobody will take")
const failures = counter("gateway_usage_failures_total", "Failed attempts to hand usage in")

export interface GatewayMetrics {
  readonly requestAnswered: (route: string, status: number, ms: number) => void
  /** `refused`: the provider did not take the request; what it fails to take is `failed`. */
  readonly callEnded: (mode: "hosted" | "byok", status: CallEnd["status"] | "refused", outputTokens: number) => void
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
      const requestSecondsOf = tagged(requestSeconds)
      const callsOf = tagged(calls)
      const outputOf = tagged(outputTokens)
      const authorizationsOf = tagged(authorizations)
      const extensionsOf = tagged(extensions)
      const countPublished = following(published, context)
      const countRejected = following(rejected, context)
      const countFailures = following(failures, context)
      const sampleProcess = processFigures("gateway", context)
      recovered.updateUnsafe(0, context)
      return Metrics.of({
        requestAnswered: (route, status, ms) => {
          requestsOf({ route, status: String(status) }).updateUnsafe(1, context)
          requestSecondsOf({ route }).updateUnsafe(ms / 1_000, context)
        },
        callEnded: (mode, status, tokens) => {
          callsOf({ mode, status }).updateUnsafe(1, context)
          outputOf({ mode }).updateUnsafe(tokens, context)
        },
        authorized: (outcome) => authorizationsOf({ outcome }).updateUnsafe(1, context),
        extended: (outcome) => extensionsOf({ outcome }).updateUnsafe(1, context),
        recovered: (count) => recovered.updateUnsafe(count, context),
        sample: (stats, open, requestsInFlight) => {
          inFlight.updateUnsafe(requestsInFlight, context)
          unsettled.updateUnsafe(open, context)
          spool.updateUnsafe(stats.spoolBytes, context)
          countPublished(stats.eventsPublished)
          countRejected(stats.eventsRejected)
          countFailures(stats.publishFailures)
          sampleProcess()
        },
      })
    }),
  )
}
