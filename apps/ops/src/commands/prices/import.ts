/** `credits prices import`: makes price books from the bundled `@pydantic/genai-prices` data. */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import type { ImportAnswer } from "@credits/contracts"
import { answering, remark } from "../../answer.ts"
import { Audit, osUser } from "../../audit.ts"
import { applyFlag, reasonFlag, reasonOrDryRun, requireReason } from "../../changes.ts"
import { askPricing } from "../../pricing.ts"
import { System } from "../../system.ts"
import { table } from "../../table.ts"
import { instantOf } from "../../wallet.ts"

interface Input {
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

/** More names than this are counted, not listed. */
const NAMES_MAX = 20

const names = (title: string, list: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (list.length === 0) return []
  const more = list.length > NAMES_MAX ? ` and ${list.length - NAMES_MAX} more` : ""
  return [`${title}: ${list.slice(0, NAMES_MAX).join(", ")}${more}`]
}

const importText = (answer: ImportAnswer): string =>
  [
    `source ${answer.source}`,
    "",
    table(
      [
        { title: "BOOK" },
        { title: "IN FORCE FROM" },
        { title: "MODELS", align: "right" },
        { title: "NEW", align: "right" },
        { title: "GONE", align: "right" },
        { title: "CHANGED", align: "right" },
      ],
      answer.books.map((book) => [
        book.version,
        instantOf(book.effectiveAt),
        book.models,
        book.added.length,
        book.removed.length,
        book.changed.length,
      ]),
    ),
    ...answer.books.flatMap((book) => [
      ...names(`${book.version} new`, book.added),
      ...names(`${book.version} gone`, book.removed),
      ...names(`${book.version} changed`, book.changed),
    ]),
    ...(answer.skipped.length === 0
      ? []
      : [
          `skipped ${answer.skipped.length}: ${answer.skipped
            .slice(0, NAMES_MAX)
            .map((each) => `${each.provider}/${each.model} (${each.reason})`)
            .join(", ")}`,
        ]),
  ].join("\n")

const run = (input: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(input.apply, input.reason)
    const system = yield* System
    const bus = yield* system.connect
    const audit = yield* Audit
    const audited = input.apply ? yield* audit.began("prices import", reason, {}) : null
    const answer = yield* askPricing<ImportAnswer>(bus, {
      op: "import",
      apply: input.apply,
      by: osUser(),
      reason: reasonOrDryRun(reason),
    }).pipe(
      Effect.tapError((failure) =>
        audited === null ? Effect.void : audited.ended({ error: failure.code, detail: failure.detail }),
      ),
    )
    if (audited === null) yield* remark('dry run: nothing was published; add --apply --reason "…" to publish')
    else yield* audited.ended({ source: answer.source, books: answer.books.map((book) => book.version) })
    return {
      json: { ...answer, books: answer.books.map((book) => ({ ...book, effectiveAt: instantOf(book.effectiveAt) })) },
      text: importText(answer),
    }
  })

export const pricesImport = Command.make("import", { apply: applyFlag, reason: reasonFlag }, (input) =>
  answering(run(input)),
).pipe(
  Command.withDescription("Make price books from the bundled genai-prices data and show what would change"),
  Command.withExamples([
    { command: "credits prices import", description: "Dry run: which models are new, gone or changed?" },
    { command: 'credits prices import --apply --reason "monthly price update"', description: "Publish them" },
  ]),
)
