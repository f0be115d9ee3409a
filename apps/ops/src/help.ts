/** The help of every command as text, for docs/reference/credits.md. Asks no service: help needs none. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as CliOutput from "effect/cli/CliOutput"
import type * as Command from "effect/cli/Command"
import { Audit } from "./audit.ts"
import { credits, runCredits } from "./program.ts"
import { System } from "./system.ts"

/** Every command that does something, as the words that call it. */
const leavesOf = (command: Command.Command.Any, path: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> => {
  const below = command.subcommands.flatMap((group) => group.commands)
  return below.length === 0 ? [path] : below.flatMap((each) => leavesOf(each, [...path, each.name]))
}

const nobody = Layer.mergeAll(Layer.mock(System, {}), Layer.mock(Audit, {}), NodeServices.layer)

const helpOf = (path: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.suspend(() => {
    let text = ""
    const console: Console.Console = { ...globalThis.console, log: (line: string) => void (text += `${line}\n`) }
    return runCredits([...path, "--help"]).pipe(
      Effect.orDie,
      Effect.provideService(Console.Console, console),
      Effect.provideService(CliOutput.Formatter, CliOutput.defaultFormatter({ colors: false })),
      Effect.provide(nobody),
      Effect.map(() => text),
    )
  })

export interface CommandHelp {
  readonly path: ReadonlyArray<string>
  readonly text: string
}

export const helpOfAll = (): Promise<ReadonlyArray<CommandHelp>> =>
  Effect.runPromise(
    Effect.forEach(leavesOf(credits, []), (path) => Effect.map(helpOf(path), (text): CommandHelp => ({ path, text }))),
  )
