/**
 * Auto top-up's process: configuration, database, bus, clock and the service, as layers. SIGINT and SIGTERM stop it in
 * order; a defect of the machine ends it, and the supervisor starts it again.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Bus, BusinessClock } from "@credits/bus"
import { openDatabase } from "@credits/store"
import { Effect, Layer, Logger, Option, Schema } from "effect"
import { TopupConfig } from "./config.ts"
import type { Report } from "./endpoints.ts"
import type { Tables } from "./schema.ts"
import { startTopup } from "./service.ts"

/** Why it did not start, or ended: one sentence. */
class TopupFailed extends Schema.TaggedError<TopupFailed>()("TopupFailed", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

const failed = (cause: unknown): TopupFailed =>
  new TopupFailed({ detail: cause instanceof Error ? cause.message : String(cause) })

const service = Effect.gen(function* () {
  const config = yield* TopupConfig
  const bus = yield* Bus
  const clock = yield* BusinessClock
  const database = yield* openDatabase<Tables>({
    service: "topup",
    dataDir: config.dataDir,
    databaseUrl: Option.getOrUndefined(config.databaseUrl),
  })
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const logs = { info: Effect.logInfo, warning: Effect.logWarning, error: Effect.logError } as const
  const report: Report = (level, text) => void fork(logs[level](text))
  const running = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => startTopup({ bus, database, clock, report }), catch: failed }),
    ({ stop }) => Effect.promise(() => stop()),
  )
  yield* Effect.logInfo("topup is running")
  return yield* Effect.tryPromise({ try: () => running.ended, catch: failed })
})

const Clock = Layer.unwrap(Effect.map(TopupConfig, (config) => BusinessClock.layer(config.environment)))

const layers = Clock.pipe(
  Layer.provideMerge(Bus.layer("topup")),
  Layer.provideMerge(TopupConfig.layer),
  Layer.provideMerge(Logger.layer([Logger.consoleLogFmt])),
)

service.pipe(Effect.scoped, Effect.provide(layers), NodeRuntime.runMain)
