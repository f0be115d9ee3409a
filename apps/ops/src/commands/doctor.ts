/**
 * `credits doctor`: looks at every part, says what is wrong and how to mend it. Reads only; exit 1 when something
 * fails.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { BusHandle } from "@credits/bus"
import { STREAMS } from "@credits/contracts"
import { answering } from "../answer.ts"
import {
  checkAdvisories,
  checkDeadLetters,
  checkDurability,
  checkServer,
  checkStreams,
  type StreamLook,
} from "../doctor/bus.ts"
import type { OpsConfig } from "../config.ts"
import { readAdvisories } from "../dead-letters.ts"
import { fail, ok, skipped, type Check } from "../doctor/check.ts"
import { checkDatabase, checkFsync, checkSpace, measureFsync, readSyncAlways } from "../doctor/machine.ts"
import { checkClock, checkCursors, checkReady } from "../doctor/services.ts"
import { checkBooks, checkCharges, checkHolds, checkUsageTables } from "../doctor/undecided.ts"
import { EXIT, sentence } from "../failure.ts"
import { PROJECTIONS, RATE, runRebuild } from "../projections.ts"
import { readServices, type ServiceFacts } from "../services.ts"
import { readStream, STREAM_NAMES } from "../streams.ts"
import { businessNow, System, type Located } from "../system.ts"
import { table } from "../table.ts"
import { runVerifier } from "../verifier.ts"

const look = (bus: BusHandle, name: string): Effect.Effect<StreamLook> =>
  Effect.gen(function* () {
    const facts = yield* Effect.result(readStream(bus, name))
    if (Result.isFailure(facts)) return { name, facts: null, difference: facts.failure.detail }
    const difference = yield* Effect.promise(async () => {
      const { verifyStreams } = await import("@credits/bus")
      return verifyStreams(bus, [name]).then(() => null, sentence)
    })
    return { name, facts: facts.success, difference }
  })

const READY_MS = 2_000

/** What answers over HTTP; nothing to say about one that this machine did not start. */
const checkHttp = (name: string, url: string | undefined, path: string): Effect.Effect<ReadonlyArray<Check>> =>
  url === undefined
    ? Effect.succeed([])
    : Effect.promise(async () => {
        const repair = "is its process running? the supervisor's output (npm start) says why it stopped"
        try {
          const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(READY_MS) })
          const detail = `${url} answers ${response.status} ${(await response.text()).slice(0, 200)}`
          return [response.ok ? { name, status: "ok", detail } : fail(name, detail, repair)]
        } catch (error) {
          return [fail(name, `${url} does not answer: ${sentence(error)}`, repair)]
        }
      })

/** The server stamps its answers; services tell their business time, which the sandbox may have moved on purpose. */
const checkClocks = (
  looks: ReadonlyArray<StreamLook>,
  business: number,
  now: number,
  services: ReadonlyArray<ServiceFacts>,
) => {
  const stamp = looks.flatMap((each) => each.facts?.serverTime ?? []).at(0)
  return [
    ...(stamp === undefined ? [] : [checkClock("clock of nats-server", Date.parse(stamp) - now)]),
    ...services.flatMap(({ name, answer }) =>
      answer === null ? [] : [checkClock(`clock of ${name}`, answer.now - business)],
    ),
  ]
}

/** With `deep` every entry is counted anew beside the live tables, which stay as they are; unless that is going on. */
const examineUsageTables = (bus: BusHandle, deep: boolean) =>
  Effect.gen(function* () {
    const [projection] = PROJECTIONS
    if (projection === undefined) return []
    const counted = deep ? runRebuild(bus, projection, false, RATE) : projection.state(bus)
    const state = yield* counted.pipe(
      Effect.catch(() => projection.state(bus)),
      Effect.result,
    )
    return [checkUsageTables(Result.isSuccess(state) ? state.success : null)]
  })

const examineBus = (bus: BusHandle, where: Located, deep: boolean) =>
  Effect.gen(function* () {
    const info = bus.connection.info
    const looks = yield* Effect.forEach(STREAM_NAMES, (name) => look(bus, name), { concurrency: 4 })
    const services = yield* readServices(bus)
    const now = yield* Clock.currentTimeMillis
    const business = yield* businessNow(bus, now)
    const advisories = yield* Effect.result(readAdvisories(bus))
    const replicas = Math.min(
      ...looks.flatMap((each) => (each.facts === null ? [] : [Number(each.facts.config["num_replicas"])])),
    )
    const syncAlways = yield* Effect.promise(() => readSyncAlways(where.dataDir, where.natsMonitorUrl))
    return [
      checkServer(info?.version ?? "0", info?.jetstream === true),
      checkDurability(syncAlways, Number.isFinite(replicas) ? replicas : 1),
      ...checkStreams(looks),
      ...services.map(checkReady),
      ...(yield* checkHttp("edge ready", where.httpUrl, "/readyz")),
      ...(yield* checkHttp("gateway ready", where.gatewayUrl, "/readyz")),
      ...(yield* checkHttp("sandbox processor", where.processorUrl, "/healthz")),
      ...checkCursors(services, looks),
      checkDeadLetters(looks.find((each) => each.name === STREAMS.deadLetters.name)),
      checkAdvisories(Result.isFailure(advisories) ? null : advisories.success),
      checkHolds(services),
      checkCharges(services),
      ...(yield* examineUsageTables(bus, deep)),
      ...checkClocks(looks, business, now, services),
    ]
  })

const SERVICES_WITH_DATABASE = ["ledger", "pricing", "payments", "subscriptions", "topup", "notifications", "edge"]

/** Postgres: opening it asserts `fsync`, `synchronous_commit` and `full_page_writes`, as every service does. */
const checkPostgres = ({ dataDir, databaseUrl }: OpsConfig) =>
  Effect.gen(function* () {
    const store = yield* Effect.promise(() => import("@credits/store"))
    const opened = yield* Effect.result(store.openDatabase({ service: "ops", dataDir, databaseUrl }))
    return Result.isSuccess(opened)
      ? ok("postgres", "reachable; fsync, synchronous_commit and full_page_writes are on")
      : fail("postgres", sentence(opened.failure), "see CREDITS_DATABASE_URL and the server's settings")
  })

const examineMachine = (config: OpsConfig) =>
  Effect.gen(function* () {
    const space = yield* Effect.promise(() => checkSpace(config.dataDir))
    const fsync = checkFsync(yield* Effect.promise(() => measureFsync(config.dataDir)))
    if (config.databaseUrl !== undefined) return [space, fsync, yield* checkPostgres(config)]
    const files = SERVICES_WITH_DATABASE.map((service) => checkDatabase(config.dataDir, service))
    return [space, fsync, ...(yield* Effect.promise(() => Promise.all(files)))]
  })

const reportText = (checks: ReadonlyArray<Check>): string => {
  const rows = table(
    [{ title: "" }, { title: "CHECK" }, { title: "FOUND" }],
    checks.map((check) => [check.status, check.name, check.detail]),
  )
  const repairs = checks.flatMap((check) =>
    check.repair === undefined ? [] : [`${check.status} ${check.name}: ${check.repair}`],
  )
  return [rows, ...repairs].join("\n\n")
}

/** Reads every entry; where the ledger's database is not here there is nothing to read. */
const examineBooks = (config: OpsConfig) =>
  Effect.map(Effect.result(runVerifier(config)), (verdict) =>
    Result.isSuccess(verdict) ? checkBooks(verdict.success) : skipped("ledger's books", verdict.failure.detail),
  )

const examine = Effect.fn(function* (deep: boolean) {
  const system = yield* System
  const config = yield* system.config
  const found = yield* Effect.result(Effect.all([system.locate, system.connect]))
  const busChecks = Result.isFailure(found)
    ? [fail("system", found.failure.detail, found.failure.next ?? "start it with `npm start`")]
    : yield* examineBus(found.success[1], found.success[0], deep)
  const books = deep ? yield* examineBooks(config) : checkBooks(null)
  const checks = [...busChecks, books, ...(yield* examineMachine(config))]
  const failing = checks.some((check) => check.status === "fail")
  return {
    json: { ok: !failing, checks },
    text: reportText(checks),
    exit: failing ? EXIT.failed : EXIT.ok,
  }
})

const deepFlag = Flag.Boolean("deep").pipe(
  Flag.withDescription("Also read every entry: the ledger's proof, and the usage tables counted anew beside the live"),
  Flag.withDefault(false),
)

export const doctor = Command.make("doctor", { deep: deepFlag }, ({ deep }) => answering(examine(deep))).pipe(
  Command.withDescription("Look at every part of the running system and say how to mend what is wrong"),
  Command.withExamples([
    { command: "credits doctor", description: "All checks; exit code 1 when one fails" },
    {
      command: "credits doctor --deep",
      description: "After a crash or a restore: some minutes for ten million entries",
    },
    { command: "credits doctor --json", description: "For a monitor" },
  ]),
)
