/**
 * For operators and orchestrators: /healthz (the process lives), /readyz (it can serve), /metrics (Prometheus text:
 * the edge's own and what the services report of themselves).
 */
import { Bus } from "@credits/bus"
import { Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { PrometheusMetrics } from "effect/observability"
import { AdvancingClock } from "./advancing-clock.ts"
import { GivenUp } from "./given-up.ts"
import { IntakeRoom } from "./intake-room.ts"
import { Draining } from "./draining.ts"
import { EdgeMetrics } from "./metrics.ts"
import { PriceBooks } from "./price-books.ts"
import { NatsMonitor } from "./nats-monitor.ts"
import { prometheusText } from "./prometheus-text.ts"
import { serviceSamples } from "./service-metrics.ts"
import { ServiceStatuses } from "./service-statuses.ts"
import { EdgeStore } from "./store.ts"

/** Longer than a healthy round trip, shorter than an orchestrator's patience. */
const CHECK_MS = 2_000

const healthz = HttpRouter.add("GET", "/healthz", HttpServerResponse.jsonUnsafe({ status: "ok" }))

/** Ready: the bus and the own database answer, there is a price book to quote from, and nobody asked it to stop. */
const readyz = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const bus = yield* Bus
    const store = yield* EdgeStore
    const books = yield* PriceBooks
    const clock = yield* AdvancingClock
    const draining = yield* Draining
    const passes = <E>(check: Effect.Effect<unknown, E>) =>
      check.pipe(
        Effect.timeout(CHECK_MS),
        Effect.as(true),
        Effect.catchCause(() => Effect.succeed(false)),
      )
    yield* router.add(
      "GET",
      "/readyz",
      Effect.gen(function* () {
        const checks = {
          bus: yield* passes(Effect.tryPromise(() => bus.connection.rtt())),
          store: yield* passes(store.ping),
          priceBook: books.bookAt(clock.now()) !== null,
          staying: !draining.isDraining(),
        }
        const ready = Object.values(checks).every((passed) => passed)
        return HttpServerResponse.jsonUnsafe({ ready, checks }, { status: ready ? 200 : 503 })
      }),
    )
  }),
)

const metrics = HttpRouter.use(
  Effect.fnUntraced(function* (router) {
    const edge = yield* EdgeMetrics
    const statuses = yield* ServiceStatuses
    const room = yield* IntakeRoom
    const monitor = yield* NatsMonitor
    const givenUp = yield* GivenUp
    yield* router.add(
      "GET",
      "/metrics",
      Effect.gen(function* () {
        edge.sampleProcess()
        edge.sampleSpace(room.free, room.isLow)
        const answers = yield* statuses.read
        const samples = [...serviceSamples(answers), ...monitor.samples(answers), ...(yield* givenUp.read)]
        return HttpServerResponse.text(`${yield* PrometheusMetrics.format()}\n${prometheusText(samples)}`, {
          contentType: "text/plain; version=0.0.4; charset=utf-8",
        })
      }),
    )
  }),
)

export const operationsLayer = Layer.mergeAll(healthz, readyz, metrics)
