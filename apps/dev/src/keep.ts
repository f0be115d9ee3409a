/**
 * The keeper of a bus that nobody supervises (containers, clusters): makes the streams that are missing, restores those
 * of a backup, and frees what every reader has applied. One of it runs beside the services; a second does no harm.
 * stdout has one line, `ready`, once the streams are there. Serves nobody.
 */
import { join } from "node:path"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit } from "effect"
import { devConfig } from "./config.ts"
import { janitor } from "./janitor.ts"
import { provisioned } from "./provisioning.ts"
import { StartRefused } from "./refusal.ts"
import { externalSeed } from "./seed.ts"

const say = (line: string): void =>
  void process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), service: "keeper", message: line })}\n`)

const program = Effect.gen(function* () {
  const config = yield* devConfig
  if (config.natsUrl === undefined) {
    return yield* new StartRefused({
      reason: "CREDITS_NATS_URL is not set",
      next: "name the NATS servers of the cluster",
    })
  }
  const bus = yield* provisioned({
    url: config.natsUrl,
    seed: externalSeed(config.dataDir, "dev", config.natsSeed),
    monitorUrl: config.natsMonitorUrl,
    environment: config.environment,
    // Its servers may start after it.
    connectMs: undefined,
    replicas: config.natsReplicas,
    restoreDir: join(config.dataDir, "nats", "restore"),
    say,
  })
  yield* Effect.sync(() => void process.stdout.write("ready\n"))
  yield* janitor(bus, say)
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.tapError((error) => Effect.sync(() => say(`cannot start: ${String(error.message)}`))),
  Effect.tapDefect((defect) => Effect.sync(() => say(`cannot start: ${Cause.pretty(Cause.die(defect))}`))),
)

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1),
})
