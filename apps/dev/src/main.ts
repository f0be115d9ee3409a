/**
 * `npm start`: the whole system on this machine, each service its own process. stdout carries exactly one line, when
 * everything answers: `ready http://localhost:8787`. Ctrl-C stops all of it.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Cause, Effect, Exit } from "effect"
import { devConfig } from "./config.ts"
import { StartRefused } from "./refusal.ts"
import { startSystem } from "./system.ts"

const complain = (line: string) => Effect.sync(() => void process.stderr.write(`${line}\n`))

const program = Effect.gen(function* () {
  const config = yield* devConfig
  const system = yield* startSystem(config)
  yield* Effect.sync(() => void process.stdout.write(`ready ${system.httpUrl}\n`))
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.tapError((error) =>
    complain(error instanceof StartRefused ? `cannot start: ${error.message}` : `cannot start: ${String(error)}`),
  ),
  Effect.tapDefect((defect) => complain(`cannot start: ${Cause.pretty(Cause.die(defect))}`)),
)

// `npm start | head`: nobody reads any more, which is no reason to fall over and leave nats-server behind.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined)

// A closed terminal means the same as Ctrl-C; Node would end at once and leave nats-server behind.
process.on("SIGHUP", () => process.kill(process.pid, "SIGTERM"))

NodeRuntime.runMain(program, {
  disableErrorReporting: true,
  // Stopping when asked is success: npm would print an error page for any other code.
  teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause) ? 0 : 1),
})
