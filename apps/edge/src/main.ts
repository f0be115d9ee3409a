/** The edge process: configuration, bus, HTTP server. */
// oxlint-disable-next-line import/no-unassigned-import -- switches the compiled decoders on, before any is made
import "effect/schema/SchemaJITCompiler/enable"
import { Bus } from "@credits/bus"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { telemetryLayer } from "@credits/telemetry"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http"
import { EdgeConfig } from "./config.ts"
import { Draining } from "./draining.ts"
import { edgeLayer } from "./server.ts"

/** The first to end of all layers: the server still serves while it drains. */
const announce = Layer.effectDiscard(
  Effect.gen(function* () {
    const { drain } = yield* Draining
    yield* HttpServer.addressFormattedWith((address) => Effect.logInfo(`edge listens on ${address}`))
    yield* Effect.addFinalizer(() => drain)
  }),
)

// Configuration first: a production that lacks settings stops before it opens anything.
announce.pipe(
  Layer.provide(edgeLayer),
  Layer.provide(Bus.layer("edge")),
  Layer.provide(EdgeConfig.layer),
  Layer.provide(telemetryLayer("edge")),
  Layer.launch,
  NodeRuntime.runMain,
)
