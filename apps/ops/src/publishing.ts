/**
 * What publishing prices and publishing plans share: a file, a dry run until `--apply`, a reason, an audit row, and the
 * instant from which it holds. A published version is immutable (R0.1, R7.1); the rules of the data are pricing's.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Argument from "effect/cli/Argument"
import type { PublishAnswer } from "@credits/contracts"
import { readFile } from "node:fs/promises"
import { text as readAll } from "node:stream/consumers"
import { remark, type Answer } from "./answer.ts"
import { Audit, osUser } from "./audit.ts"
import { reasonOrDryRun, requireReason } from "./changes.ts"
import { sentence, usage, type CommandFailure } from "./failure.ts"
import { askPricing } from "./pricing.ts"
import { System } from "./system.ts"
import { facts } from "./table.ts"
import { instantOf } from "./wallet.ts"

export const fileArgument = Argument.String("file").pipe(
  Argument.withDescription("JSON file in the shape that `show --json` prints under data (- is stdin)"),
)

export const readJsonFile = (path: string): Effect.Effect<unknown, CommandFailure> =>
  Effect.tryPromise({
    try: () => (path === "-" ? readAll(process.stdin) : readFile(path, "utf8")),
    catch: (error) => usage(`cannot read ${path}: ${sentence(error)}`),
  }).pipe(
    Effect.flatMap((text) =>
      Effect.try({
        try: () => JSON.parse(text) as unknown,
        catch: (error) => usage(`${path} is no JSON: ${sentence(error)}`),
      }),
    ),
  )

interface Publication {
  readonly kind: "book" | "catalogue"
  readonly command: string
  readonly file: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

export const publish = (input: Publication): Effect.Effect<Answer, CommandFailure, System | Audit | Scope.Scope> =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const data = yield* readJsonFile(input.file)
    const system = yield* System
    const bus = yield* system.connect
    const audit = yield* Audit
    const run = input.apply ? yield* audit.began(input.command, reason, { file: input.file, data }) : null
    const by = { apply: input.apply, by: osUser(), reason: reasonOrDryRun(reason) }
    const answer = yield* askPricing<PublishAnswer>(
      bus,
      input.kind === "book"
        ? { op: "book-publish", book: data, ...by }
        : { op: "catalogue-publish", catalogue: data, ...by },
    ).pipe(
      Effect.tapError((failure) =>
        run === null ? Effect.void : run.ended({ error: failure.code, detail: failure.detail }),
      ),
    )
    if (run !== null) yield* run.ended(answer)
    else yield* remark('dry run: the data is valid, nothing was published; add --apply --reason "…" to publish')
    return {
      json: { ...answer, effectiveAt: instantOf(answer.effectiveAt) },
      text: facts([
        ["version", answer.version],
        ["in force from", instantOf(answer.effectiveAt)],
        ["published", answer.published ? "yes" : "no (dry run)"],
      ]),
    }
  })
