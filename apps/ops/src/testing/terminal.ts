/**
 * Runs the command line inside a test as a shell would: arguments and environment in, stdout, stderr and exit code
 * out.
 */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Audit, makeAudit } from "../audit.ts"
import { Ended } from "../failure.ts"
import { runCredits } from "../program.ts"
import { makeSystem, System } from "../system.ts"

export interface Run {
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
  /** stdout as JSON; throws when it is none. */
  readonly json: <A = Record<string, unknown>>() => A
}

export type Shell = (...args: ReadonlyArray<string>) => Promise<Run>

const lines = (args: ReadonlyArray<unknown>): string => `${args.map(String).join(" ")}\n`

/** A shell with exactly this environment; `signal` is Ctrl-C: the run rejects then. */
export const shellWith =
  (environment: Readonly<Record<string, string>>, signal?: AbortSignal): Shell =>
  async (...args) => {
    let stdout = ""
    let stderr = ""
    const console: Console.Console = {
      ...globalThis.console,
      log: (...written) => void (stdout += lines(written)),
      error: (...written) => void (stderr += lines(written)),
    }
    const layer = Layer.effect(Audit, makeAudit).pipe(
      Layer.provideMerge(Layer.effect(System, makeSystem)),
      Layer.provideMerge(NodeServices.layer),
      Layer.provideMerge(ConfigProvider.layer(ConfigProvider.fromUnknown(environment))),
    )
    const exit = await Effect.runPromise(
      runCredits(args).pipe(
        Effect.as(0),
        Effect.catch((error) => (error instanceof Ended ? Effect.succeed(error.exit as number) : Effect.fail(error))),
        Effect.provideService(Console.Console, console),
        Effect.provide(layer),
      ),
      signal === undefined ? {} : { signal },
    )
    return { exit, stdout, stderr, json: <A>() => JSON.parse(stdout) as A }
  }
