/**
 * The process of a service of sagas: its database, bus and clock, and the service for as long as they are. SIGINT and
 * SIGTERM stop it in order; a lost lease or a defect ends it, to be seen and started again by the supervisor.
 */
import { Bus, BusinessClock, type BusHandle, type RunningClock } from "@credits/bus"
import { openDatabase, type Database } from "@credits/store"
import { telemetryLayer } from "@credits/telemetry"
import { Data, Effect, Layer, Option, type Redacted } from "effect"

/** What every one of them is told by its environment. */
export interface ServiceSettings {
  readonly environment: string
  readonly dataDir: string
  readonly databaseUrl: Option.Option<Redacted.Redacted<string>>
}

export interface ServiceParts<Tables> {
  readonly bus: BusHandle
  readonly database: Database<Tables>
  readonly clock: RunningClock
  /** For people: to the log. */
  readonly report: (level: "info" | "warning" | "error", message: string) => void
}

export interface RunningService {
  readonly stop: () => Promise<void>
  /** Rejects when a defect or a lost lease ended it. */
  readonly ended: Promise<void>
}

/** Why a service did not start, or ended: one sentence. */
export class ServiceEnded extends Data.TaggedError("ServiceEnded")<{ readonly detail: string }> {
  override get message(): string {
    return this.detail
  }
}

const ended = (cause: unknown): ServiceEnded =>
  new ServiceEnded({ detail: cause instanceof Error ? cause.message : String(cause) })

const running = <Tables>(
  service: string,
  settings: ServiceSettings,
  start: (parts: ServiceParts<Tables>) => Promise<RunningService>,
) =>
  Effect.gen(function* () {
    const bus = yield* Bus
    const clock = yield* BusinessClock
    const { dataDir, databaseUrl } = settings
    const database = yield* openDatabase<Tables>({ service, dataDir, databaseUrl: Option.getOrUndefined(databaseUrl) })
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    const logs = { info: Effect.logInfo, warning: Effect.logWarning, error: Effect.logError } as const
    const started = yield* Effect.acquireRelease(
      Effect.tryPromise({
        try: () => start({ bus, database, clock, report: (level, text) => void fork(logs[level](text)) }),
        catch: ended,
      }),
      ({ stop }) => Effect.promise(() => stop()),
    )
    yield* Effect.logInfo(`${service} is running`)
    return yield* Effect.tryPromise({ try: () => started.ended, catch: ended })
  })

/** For `runMain`. Configuration first: a service that lacks some opens nothing. */
export const serviceProcess = <Tables, Settings extends ServiceSettings, Refused>(
  service: string,
  settings: Effect.Effect<Settings, Refused>,
  start: (parts: ServiceParts<Tables>, settings: Settings) => Promise<RunningService>,
) =>
  Effect.gen(function* () {
    const given = yield* settings
    const layers = BusinessClock.layer(given.environment).pipe(Layer.provideMerge(Bus.layer(service)))
    const run = running<Tables>(service, given, (parts) => start(parts, given))
    return yield* run.pipe(Effect.scoped, Effect.provide(layers))
  }).pipe(Effect.provide(telemetryLayer(service)))
