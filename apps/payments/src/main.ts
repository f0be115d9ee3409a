/**
 * Payments' process: configuration, database, bus, clock, processor and the service, as layers. SIGINT and SIGTERM stop
 * it in order; a lost lease or a defect ends it, to be seen and started again.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Bus, BusinessClock } from "@credits/bus"
import { openDatabase } from "@credits/store"
import { Effect, Layer, Logger, Option, Redacted, Schema } from "effect"
import { PaymentsConfig } from "./config.ts"
import { Processor } from "./processor.ts"
import type { Report } from "./report.ts"
import type { Tables } from "./schema.ts"
import { startPayments } from "./service.ts"

/** Why payments did not start, or ended: one sentence. */
class PaymentsEnded extends Schema.TaggedError<PaymentsEnded>()("PaymentsEnded", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

const paymentsEnded = (cause: unknown): PaymentsEnded =>
  new PaymentsEnded({ detail: cause instanceof Error ? cause.message : String(cause) })

const payments = Effect.gen(function* () {
  const config = yield* PaymentsConfig
  const bus = yield* Bus
  const clock = yield* BusinessClock
  const database = yield* openDatabase<Tables>({
    service: "payments",
    dataDir: config.dataDir,
    databaseUrl: Option.getOrUndefined(config.databaseUrl),
  })
  const processor = new Processor({ secretKey: Redacted.value(config.secretKey), apiBase: config.apiBase })
  const fork = Effect.runForkWith(yield* Effect.context<never>())
  const logs = { info: Effect.logInfo, warning: Effect.logWarning, error: Effect.logError } as const
  const report: Report = (level, text) => void fork(logs[level](text))
  const { publishableKey, chargesPerSecond } = config
  const webhookSecrets = config.webhookSecrets.map(Redacted.value)
  const options = { bus, database, clock, processor, publishableKey, webhookSecrets, chargesPerSecond, report }
  const running = yield* Effect.acquireRelease(
    Effect.tryPromise({ try: () => startPayments(options), catch: paymentsEnded }),
    (started) => Effect.promise(() => started.stop()),
  )
  yield* Effect.logInfo(`payments is running against ${config.apiBase?.href ?? "Stripe"}`)
  // Whoever lost the lease, or cannot decide, must not go on: the supervisor starts it again.
  return yield* Effect.tryPromise({ try: () => running.ended, catch: paymentsEnded })
})

const Clock = Layer.unwrap(Effect.map(PaymentsConfig, (config) => BusinessClock.layer(config.environment)))

const layers = Clock.pipe(
  Layer.provideMerge(Bus.layer("payments")),
  Layer.provideMerge(PaymentsConfig.layer),
  Layer.provideMerge(Logger.layer([Logger.consoleLogFmt])),
)

payments.pipe(Effect.scoped, Effect.provide(layers), NodeRuntime.runMain)
