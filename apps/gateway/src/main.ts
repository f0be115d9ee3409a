/** The gateway's process: configuration, client, HTTP server. SIGINT and SIGTERM let the calls under way end. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { telemetryLayer } from "@credits/telemetry"
import { Effect, Layer } from "effect"
import { PrometheusMetrics } from "effect/observability"
import { GatewayConfig } from "./config.ts"
import { Metrics } from "./metrics.ts"
import { startGatewayService } from "./service.ts"

const Service = Layer.effectDiscard(
  Effect.gen(function* () {
    const settings = yield* GatewayConfig
    const metrics = yield* Metrics
    const context = yield* Effect.context<never>()
    const fork = Effect.runForkWith(context)
    const running = yield* Effect.acquireRelease(
      Effect.promise(() =>
        startGatewayService({
          settings,
          metrics,
          renderMetrics: () => Effect.runPromiseWith(context)(PrometheusMetrics.format()),
          report: (text) => void fork(Effect.logWarning(text)),
        }),
      ),
      (gateway) => Effect.promise(() => gateway.close()),
    )
    yield* Effect.logInfo(`OpenAI-compatible API on ${running.url}/v1`)
  }),
)

// Configuration first: a production that lacks settings stops before it opens anything.
Service.pipe(
  Layer.provide(Metrics.layer),
  Layer.provide(GatewayConfig.layer),
  Layer.provide(telemetryLayer("gateway")),
  Layer.launch,
  NodeRuntime.runMain,
)
