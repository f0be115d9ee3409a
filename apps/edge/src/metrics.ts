/** The edge's metrics, bound once and updated from plain callbacks. Served as Prometheus text on /metrics. */
import { counter, processFigures, tagged } from "@credits/telemetry"
import { Context, Effect, Layer, Metric } from "effect"

/** 0.5 ms to 8 s. */
const SECONDS = Metric.exponentialBoundaries({ start: 0.000_5, factor: 2, count: 15 })

const requests = counter("edge_http_requests_total", "HTTP requests by endpoint and status")
const requestSeconds = Metric.histogram("edge_http_request_seconds", {
  description: "Time to the answer's head",
  boundaries: SECONDS,
})
const ledgerAnswers = counter("edge_ledger_answers_total", "Answers of the ledger by operation and outcome")
const ledgerSeconds = Metric.histogram("edge_ledger_ask_seconds", {
  description: "Time to the ledger's answer, repeats included",
  boundaries: SECONDS,
})
const serviceAnswers = counter(
  "edge_service_answers_total",
  "Answers of payments, subscriptions and auto top-up by operation and outcome",
)
const serviceSeconds = Metric.histogram("edge_service_ask_seconds", {
  description: "Time to the answer of payments, subscriptions and auto top-up, repeats included",
  boundaries: SECONDS,
})
const usageEvents = counter("edge_usage_events_total", "Usage events taken over HTTP by outcome")
const streams = Metric.gauge("edge_event_streams", { description: "Open wallet event streams" })
const space = Metric.gauge("edge_free_space_bytes", { description: "Free on the volume of the data folder" })
const stopped = Metric.gauge("edge_intake_stopped", {
  description: "1: usage is not taken, for want of free space (decision 21)",
})

export class EdgeMetrics extends Context.Service<
  EdgeMetrics,
  {
    readonly requestAnswered: (endpoint: string, status: number, ms: number) => void
    readonly ledgerAnswered: (op: string, outcome: string, ms: number) => void
    readonly serviceAnswered: (service: string, op: string, outcome: string, ms: number) => void
    readonly usageTaken: (outcome: string, events: number) => void
    readonly streamsOpen: (change: 1 | -1) => void
    readonly sampleSpace: (free: number | null, isLow: boolean) => void
    /** Reads process figures; called before the metrics are rendered. */
    readonly sampleProcess: () => void
  }
>()("edge/EdgeMetrics") {
  static readonly layer = Layer.effect(
    EdgeMetrics,
    Effect.gen(function* () {
      const context = yield* Effect.context()
      const requestsOf = tagged(requests)
      const requestSecondsOf = tagged(requestSeconds)
      const ledgerAnswersOf = tagged(ledgerAnswers)
      const ledgerSecondsOf = tagged(ledgerSeconds)
      const serviceAnswersOf = tagged(serviceAnswers)
      const serviceSecondsOf = tagged(serviceSeconds)
      const usageOf = tagged(usageEvents)
      let open = 0
      return EdgeMetrics.of({
        requestAnswered: (endpoint, status, ms) => {
          requestsOf({ endpoint, status: String(status) }).updateUnsafe(1, context)
          requestSecondsOf({ endpoint }).updateUnsafe(ms / 1_000, context)
        },
        ledgerAnswered: (op, outcome, ms) => {
          ledgerAnswersOf({ op, outcome }).updateUnsafe(1, context)
          ledgerSecondsOf({ op }).updateUnsafe(ms / 1_000, context)
        },
        serviceAnswered: (service, op, outcome, ms) => {
          serviceAnswersOf({ service, op, outcome }).updateUnsafe(1, context)
          serviceSecondsOf({ service, op }).updateUnsafe(ms / 1_000, context)
        },
        usageTaken: (outcome, events) => usageOf({ outcome }).updateUnsafe(events, context),
        streamsOpen: (change) => {
          open += change
          streams.updateUnsafe(open, context)
        },
        sampleSpace: (free, isLow) => {
          if (free !== null) space.updateUnsafe(free, context)
          stopped.updateUnsafe(isLow ? 1 : 0, context)
        },
        sampleProcess: processFigures("edge", context),
      })
    }),
  )
}
