/** The ledger service: configuration, bus, and the host of its partition worker. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Bus } from "@credits/bus"
import { partitionHost } from "@credits/actor"
import { STREAMS, SUBJECTS } from "@credits/contracts"
import { telemetryLayer } from "@credits/telemetry"
import { Effect, Layer, Option, Redacted } from "effect"
import { isPromise } from "./command.ts"
import { LedgerConfig } from "./config.ts"
import { forgetSnapshots } from "./forget-snapshots.ts"
import { serveHistory } from "./history.ts"
import type { LedgerWorkerData } from "./worker.ts"

/** The bundle has the worker beside it as .js; the sources have .ts. */
const workerUrl = new URL(import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js", import.meta.url)

const ledger = Effect.gen(function* () {
  const config = yield* LedgerConfig
  const context = yield* Effect.context<never>()
  const run = Effect.runForkWith(context)
  const workerData: LedgerWorkerData = {
    dataDir: config.dataDir,
    databaseUrl: Option.match(config.databaseUrl, { onNone: () => null, onSome: Redacted.value }),
  }
  if (config.isRebuilding) {
    yield* Effect.promise(() => forgetSnapshots(workerData))
    yield* Effect.logWarning("snapshots forgotten: every account is made from its entries (CREDITS_LEDGER_REBUILD)")
  }
  const host = yield* partitionHost({
    workerUrl,
    workerData,
    service: "ledger",
    environment: config.environment,
    freeSpace: { folder: config.dataDir, mark: config.freeSpaceMark },
    isPromise,
    commandStream: STREAMS.ledgerCommands,
    commandSubject: SUBJECTS.ledgerCommand,
    requestSubject: SUBJECTS.ledgerRequest,
    gatewaySubject: SUBJECTS.ledgerGateway,
    journalSubject: SUBJECTS.ledgerJournal,
    tickSubject: SUBJECTS.ledgerTick,
    tickInterestSubject: SUBJECTS.ledgerTickInterest,
    controlSubject: SUBJECTS.ledgerControl,
    log: (level, message, detail) => {
      const effect =
        level === "error"
          ? Effect.logError(message, detail)
          : level === "warning"
            ? Effect.logWarning(message, detail)
            : Effect.logInfo(message, detail)
      run(effect)
    },
  })
  yield* serveHistory(workerData, (error) =>
    run(Effect.logWarning("reading the journal back", { error: String(error) })),
  )
  // A worker that dies takes the process with it: the supervisor starts both again.
  return yield* Effect.promise(() => host.ended)
})

ledger.pipe(
  Effect.scoped,
  Effect.provide(Layer.mergeAll(LedgerConfig.layer, Bus.layer("ledger"), telemetryLayer("ledger"))),
  NodeRuntime.runMain,
)
