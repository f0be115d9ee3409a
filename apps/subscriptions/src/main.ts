/**
 * Subscriptions' process: configuration, database, bus, clock and the service, as layers. SIGINT and SIGTERM stop it in
 * order; a lost lease or a defect ends it, to be seen and started again.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Bus, BusinessClock } from "@credits/bus"
import { openDatabase } from "@credits/store"
import { Effect, Layer, Logger, Option, Schema } from "effect"
import type { Report } from "./catalogues.ts"
import { SubscriptionsConfig } from "./config.ts"
import type { Tables } from "./schema.ts"
import { startSubscriptions } from "./service.ts"

/** Why subscriptions did not start, or ended: one sentence. */
class SubscriptionsEnded extends Schema.TaggedError<SubscriptionsEnded>()("SubscriptionsEnded", {
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

const subscriptionsEnded = (cause: unknown): SubscriptionsEnded =>
  new SubscriptionsEnded({ detail: cause instanceof Error ? cause.message : String(cause) })

const subscriptions = Effect.gen(function* () {
  const config = yield* SubscriptionsConfig
  const bus = yield* Bus
  const clock = yield* BusinessClock
  const database = yield* openDatabase<Tables>({
    service: "subscriptions",
    dataDir: config.dataDir,
    databaseUrl: Option.getOrUndefined(config.databaseUrl),
  })
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const logs = { info: Effect.logInfo, warning: Effect.logWarning, error: Effect.logError } as const
  const report: Report = (level, text) => void fork(logs[level](text))
  const running = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: () => startSubscriptions({ bus, database, clock, report }),
      catch: subscriptionsEnded,
    }),
    (started) => Effect.promise(() => started.stop()),
  )
  yield* Effect.logInfo("subscriptions is running")
  // Whoever lost the lease must not go on: the supervisor starts it again.
  return yield* Effect.tryPromise({ try: () => running.ended, catch: subscriptionsEnded })
})

const Clock = Layer.unwrap(Effect.map(SubscriptionsConfig, (config) => BusinessClock.layer(config.environment)))

const layers = Clock.pipe(
  Layer.provideMerge(Bus.layer("subscriptions")),
  Layer.provideMerge(SubscriptionsConfig.layer),
  Layer.provideMerge(Logger.layer([Logger.consoleLogFmt])),
)

subscriptions.pipe(Effect.scoped, Effect.provide(layers), NodeRuntime.runMain)
