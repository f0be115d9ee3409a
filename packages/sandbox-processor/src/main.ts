/** The sandbox processor's process: configuration and the server. SIGINT and SIGTERM close it in order. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Effect, Layer, Logger } from "effect"
import { SandboxConfig, SandboxRefused } from "./config.ts"
import { startSandboxProcessor } from "./server.ts"

const Service = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* SandboxConfig
    const running = yield* Effect.acquireRelease(
      Effect.tryPromise({
        // The machine's clock until somebody moves it.
        try: () => startSandboxProcessor({ ...config, now: () => Date.now() }),
        catch: (cause) => new SandboxRefused({ reason: cause instanceof Error ? cause.message : String(cause) }),
      }),
      (processor) => Effect.promise(() => processor.close()),
    )
    yield* Effect.logInfo(`sandbox processor on ${running.url}`)
  }),
)

Service.pipe(
  Layer.provide(SandboxConfig.layer),
  Layer.provide(Logger.layer([Logger.consoleLogFmt])),
  Layer.launch,
  NodeRuntime.runMain,
)
