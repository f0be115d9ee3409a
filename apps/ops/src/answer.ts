/**
 * The one way a command answers: the result on stdout (a table, or one JSON document with `--json`), the reason of a
 * failure on stderr, and the exit code. With `--json` a failure is a JSON document too: `{"error":{code,detail,next}}`.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { Ended, EXIT, failed, type CommandFailure, type ExitCode } from "./failure.ts"

export interface Answer {
  /** What `--json` prints. Amounts are USD decimal strings, instants ISO 8601. */
  readonly json: unknown
  /** What a person reads. */
  readonly text: string
  /** Default 0. */
  readonly exit?: ExitCode
}

/** `--json`, on every command. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withDescription("Print one JSON document instead of tables"),
    Flag.withDefault(false),
  ),
})

/** Progress and remarks for a person, on stderr. */
export const remark = (line: string): Effect.Effect<void> => Console.error(line)

const print = (json: boolean, answer: Answer) => Console.log(json ? JSON.stringify(answer.json, null, 2) : answer.text)

const printFailure = (json: boolean, failure: CommandFailure) =>
  Effect.gen(function* () {
    if (json) {
      const { code, detail, next } = failure
      yield* Console.log(JSON.stringify({ error: { code, detail, ...(next === undefined ? {} : { next }) } }, null, 2))
    }
    yield* Console.error(`credits: ${failure.message}`)
  })

/** Runs a command's work in its own scope and turns what it says into output and exit code. */
export const answering = <R>(
  work: Effect.Effect<Answer, CommandFailure, R | Scope.Scope>,
): Effect.Effect<void, Ended, Exclude<R, Scope.Scope> | GlobalFlag.Setting.Identifier<"json">> =>
  Effect.gen(function* () {
    const json = yield* Json
    const answer = yield* Effect.scoped(work).pipe(
      Effect.catchDefect((defect) =>
        Effect.fail(
          failed(
            "defect",
            `unexpected: ${defect instanceof Error ? (defect.stack ?? defect.message) : String(defect)}`,
          ),
        ),
      ),
      Effect.tapError((failure) => printFailure(json, failure)),
      Effect.mapError((failure) => new Ended({ exit: failure.exit })),
    )
    yield* print(json, answer)
    if (answer.exit !== undefined && answer.exit !== EXIT.ok) return yield* new Ended({ exit: answer.exit })
  })
