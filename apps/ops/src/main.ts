/** The `credits` command line: arguments in, one answer out, an exit code. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Audit, makeAudit } from "./audit.ts"
import { runCredits } from "./program.ts"
import { makeSystem, System } from "./system.ts"

const SystemLayer = Layer.effect(System, makeSystem)
const AuditLayer = Layer.effect(Audit, makeAudit)
const MainLayer = AuditLayer.pipe(Layer.provideMerge(SystemLayer), Layer.provideMerge(NodeServices.layer))

// `credits … | head`: whoever reads has seen enough. Any other trouble with stdout is a failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))

runCredits(process.argv.slice(2)).pipe(Effect.provide(MainLayer), (program) =>
  NodeRuntime.runMain(program, { disableErrorReporting: true }),
)
