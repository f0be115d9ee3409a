/**
 * Pricing's process: configuration, database, bus, clock and the service, as layers. SIGINT and SIGTERM stop it in
 * order.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Bus, BusinessClock } from "@credits/bus"
import { defaultCatalogueData, defaultPriceBooksData } from "@credits/pricebook/defaults"
import { openDatabase } from "@credits/store"
import { telemetryLayer } from "@credits/telemetry"
import { Effect, Layer, Option, Schema } from "effect"
import { readFileSync } from "node:fs"
import { PricingConfig } from "./config.ts"
import type { Report } from "./intake.ts"
import type { Tables } from "./schema.ts"
import { startPricing, type Seed } from "./service.ts"

/** Why pricing did not start: one sentence naming what to change. */
class StartFailed extends Schema.TaggedError<StartFailed>()("StartFailed", { detail: Schema.String }) {
  override get message(): string {
    return this.detail
  }
}

const startFailed = (cause: unknown): StartFailed =>
  new StartFailed({ detail: cause instanceof Error ? cause.message : String(cause) })

/** A file of one version or a list of them, or what is shipped. */
const seed = (variable: string, file: Option.Option<string>, shipped: ReadonlyArray<unknown>) =>
  Effect.try({
    try: (): Seed => {
      if (Option.isNone(file)) return { data: shipped, from: "shipped with the project" }
      const data: unknown = JSON.parse(readFileSync(file.value, "utf8"))
      return { data: Array.isArray(data) ? data : [data], from: `${variable} ${file.value}` }
    },
    catch: (cause) =>
      new StartFailed({ detail: `${variable}: ${cause instanceof Error ? cause.message : String(cause)}` }),
  })

const Service = Layer.effectDiscard(
  Effect.gen(function* () {
    const config = yield* PricingConfig
    const bus = yield* Bus
    const clock = yield* BusinessClock
    const database = yield* openDatabase<Tables>({
      service: "pricing",
      dataDir: config.dataDir,
      databaseUrl: Option.getOrUndefined(config.databaseUrl),
    })
    const books = yield* seed("CREDITS_PRICE_BOOK", config.priceBookFile, defaultPriceBooksData)
    const catalogues = yield* seed("CREDITS_CATALOGUE", config.catalogueFile, [defaultCatalogueData])
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const logs = { info: Effect.logInfo, warning: Effect.logWarning, error: Effect.logError } as const
    const report: Report = (level, text) => void fork(logs[level](text))
    const freeSpace = { folder: config.dataDir, mark: config.freeSpaceMark }
    yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => startPricing({ bus, database, clock, seeds: { books, catalogues }, freeSpace, report }),
        catch: startFailed,
      }),
      (running) => Effect.promise(() => running.stop()),
    )
    yield* Effect.logInfo("pricing is running")
  }),
)

const Clock = Layer.unwrap(Effect.map(PricingConfig, (config) => BusinessClock.layer(config.environment)))

Service.pipe(
  Layer.provide(Clock),
  Layer.provide(Bus.layer("pricing")),
  Layer.provide(PricingConfig.layer),
  Layer.provide(telemetryLayer("pricing")),
  Layer.launch,
  NodeRuntime.runMain,
)
