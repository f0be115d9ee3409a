/** The sandbox processor's process: configuration, clock and the server. SIGINT and SIGTERM close it in order. */
import { Bus, BusinessClock } from "@credits/bus"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { telemetryLayer } from "@credits/telemetry"
import { Effect, Layer } from "effect"
import { SandboxConfig, SandboxRefused } from "./config.ts"
import { startSandboxProcessor } from "./server.ts"

const Service = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* SandboxConfig
    const clock = yield* BusinessClock
    const running = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => startSandboxProcessor({ ...config, now: () => clock.now() }),
        catch: (cause) => new SandboxRefused({ reason: cause instanceof Error ? cause.message : String(cause) }),
      }),
      (processor) => Effect.promise(() => processor.close()),
    )
    yield* Effect.logInfo(`sandbox processor on ${running.url}`)
  }),
)

/** The system's business clock where there is a bus; alone, the machine's until a control call moves it. */
const clockLayer = Layer.unwrap(
  Effect.map(SandboxConfig, ({ followsBus }) =>
    followsBus ? BusinessClock.layerSettable.pipe(Layer.provide(Bus.layer("processor"))) : BusinessClock.layerReal,
  ),
)

Service.pipe(
  Layer.provide(clockLayer),
  Layer.provide(SandboxConfig.layer),
  Layer.provide(telemetryLayer("processor")),
  Layer.launch,
  NodeRuntime.runMain,
)
