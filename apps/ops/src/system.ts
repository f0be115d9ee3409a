/**
 * Finds the running system and connects to its bus as the ops user: `CREDITS_NATS_URL` when it is set, else the
 * `run.json` that `npm start` leaves in the data folder. Owns the messages for "nothing runs"; sends nothing itself.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { BusHandle } from "@credits/bus"
import { OpsConfig } from "./config.ts"
import { failed, sentence, type CommandFailure } from "./failure.ts"

/** What is known of the running system before anything is sent to it. */
export interface Located {
  readonly natsUrl: string
  readonly seed: string | undefined
  readonly dataDir: string
  /** The edge, when this machine started it. */
  readonly httpUrl: string | undefined
  /** The model gateway, when this machine started one. */
  readonly gatewayUrl: string | undefined
  /** The sandbox's card processor, when this machine started one. */
  readonly processorUrl: string | undefined
  /** nats-server's own monitoring, when this machine started it. */
  readonly natsMonitorUrl: string | undefined
  /** The supervisor's process, when this machine started it. */
  readonly pid: number | undefined
  readonly from: "run.json" | "environment"
}

/** How long connecting may take; nats-server answers in milliseconds when it runs. */
const CONNECT_MS = 3_000

const START =
  "start it with `npm start`, or set CREDITS_DATA_DIR to its data folder or CREDITS_NATS_URL to its NATS server"

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"
  }
}

const readText = (path: string): Effect.Effect<string | null> =>
  Effect.promise(() => readFile(path, "utf8").catch(() => null))

/** What the supervisor leaves of itself (apps/dev). */
interface RunFile {
  readonly natsUrl?: string
  readonly natsMonitorUrl?: string
  readonly httpUrl?: string
  readonly gatewayUrl?: string
  readonly processorUrl?: string
  readonly pid?: number
}

const located = (config: OpsConfig): Effect.Effect<Located, CommandFailure> =>
  Effect.gen(function* () {
    const runFile = join(config.dataDir, "run.json")
    const text = yield* readText(runFile)
    const run = yield* Effect.try({
      try: () => (text === null ? null : (JSON.parse(text) as RunFile)),
      catch: () => failed("run_file_damaged", `${runFile} is not readable`, START),
    })
    const seedFile = yield* readText(join(config.dataDir, "nats", "ops.seed"))
    const seed = config.natsSeed === undefined ? seedFile?.trim() : Redacted.value(config.natsSeed)
    const { httpUrl, gatewayUrl, processorUrl, natsMonitorUrl, pid } = run ?? {}
    const common = { dataDir: config.dataDir, seed, httpUrl, gatewayUrl, processorUrl, natsMonitorUrl, pid }
    if (config.natsUrl !== undefined) return { ...common, natsUrl: config.natsUrl, from: "environment" as const }
    if (run === null)
      return yield* failed("nothing_running", `nothing runs with the data folder ${config.dataDir}`, START)
    if (run.pid !== undefined && !alive(run.pid)) {
      return yield* failed(
        "nothing_running",
        `the system of ${config.dataDir} has stopped (process ${run.pid} is gone)`,
        START,
      )
    }
    if (run.natsUrl === undefined) return yield* failed("run_file_damaged", `${runFile} names no natsUrl`, START)
    return { ...common, natsUrl: run.natsUrl, from: "run.json" as const }
  })

/** The system this command line talks to. Locating and connecting happen on first use, so help needs neither. */
export class System extends Context.Service<
  System,
  {
    readonly config: Effect.Effect<OpsConfig, CommandFailure>
    readonly locate: Effect.Effect<Located, CommandFailure>
    /** Closed with the scope; fails within 3 s when nothing answers. */
    readonly connect: Effect.Effect<BusHandle, CommandFailure, Scope.Scope>
  }
>()("ops/System") {}

const connectTo = (where: Located): Effect.Effect<BusHandle, CommandFailure, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.tryPromise({
      try: async () => {
        const { connectBus } = await import("@credits/bus")
        return connectBus({ servers: where.natsUrl, seed: where.seed, name: "ops", firstConnectMs: CONNECT_MS })
      },
      catch: (error) => failed("bus_unreachable", `cannot reach NATS at ${where.natsUrl}: ${sentence(error)}`, START),
    }),
    (bus) =>
      Effect.promise(async () => {
        const { closeBus } = await import("@credits/bus")
        await closeBus(bus)
      }),
  )

export const makeSystem = Effect.gen(function* () {
  const provider = yield* Effect.context<never>()
  const config = OpsConfig.pipe(
    Effect.provideContext(provider),
    Effect.mapError((error) => failed("configuration", String(error.message))),
  )
  const locate = yield* Effect.cached(Effect.flatMap(config, located))
  return System.of({ config, locate, connect: Effect.flatMap(locate, connectTo) })
})

/** The one business clock (decision 16); real time where nobody moves it. @param now real, ms */
export const businessNow = (bus: BusHandle, now: number): Effect.Effect<number> =>
  Effect.promise(async () => {
    const { clockNow, readClockSetting, REAL_TIME } = await import("@credits/bus")
    return clockNow(await readClockSetting(bus).catch(() => REAL_TIME), now)
  })
