/** `credits prices show|list`: the price book in force, at an instant, or of a version. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { BookAnswer, VersionsAnswer } from "@credits/contracts"
import { parseInstant } from "@credits/kernel"
import { answering } from "../../answer.ts"
import { notFound, usage } from "../../failure.ts"
import { askPricing } from "../../pricing.ts"
import { System } from "../../system.ts"
import { facts, table } from "../../table.ts"
import { versionsAnswer } from "../../versions.ts"
import { instantOf } from "../../wallet.ts"

interface Input {
  readonly version: Option.Option<string>
  readonly at: Option.Option<string>
  readonly model: Option.Option<string>
}

const modelsTable = (models: BookAnswer["data"]["models"]): string =>
  table(
    [
      { title: "MODEL" },
      { title: "PROVIDER" },
      { title: "INPUT", align: "right" },
      { title: "OUTPUT", align: "right" },
      { title: "CACHE READ", align: "right" },
      { title: "CACHE WRITE", align: "right" },
      { title: "LONG CONTEXT" },
      { title: "OFFERED" },
    ],
    models.map((model) => [
      model.id,
      model.provider,
      model.input,
      model.output,
      model.cacheRead ?? null,
      model.cacheWrite5m ?? null,
      model.longContext?.map((tier) => `> ${tier.aboveInputTokens}: ${tier.input} / ${tier.output}`).join("; ") ?? "–",
      model.enabled ? "yes" : "no",
    ]),
  )

const show = (input: Input) =>
  Effect.gen(function* () {
    const at = Option.isSome(input.at) ? parseInstant(input.at.value) : undefined
    if (at === null) return yield* usage("--at is no instant", "write 2026-11-23T10:00:00Z")
    const system = yield* System
    const book = yield* askPricing<BookAnswer>(yield* system.connect, {
      op: "book-show",
      ...(Option.isSome(input.version) ? { version: input.version.value } : {}),
      ...(at === undefined ? {} : { at }),
    })
    const wanted = Option.getOrUndefined(input.model)
    const models = book.data.models.filter(
      (model) => wanted === undefined || model.id === wanted || model.aliases?.includes(wanted) === true,
    )
    if (wanted !== undefined && models.length === 0) {
      return yield* notFound(`book ${book.version} has no model ${wanted}`, "`credits prices show` lists all of them")
    }
    return {
      json: {
        ...book,
        effectiveAt: instantOf(book.effectiveAt),
        publishedAt: instantOf(book.publishedAt),
        data: { ...book.data, models },
      },
      text: `${facts([
        ["version", book.version],
        ["in force from", instantOf(book.effectiveAt)],
        ["published", `${instantOf(book.publishedAt)} by ${book.by}${book.reason === "" ? "" : `: ${book.reason}`}`],
        ["source", book.data.source],
        ["prices", "USD per million tokens"],
      ])}\n\n${modelsTable(models)}`,
    }
  })

export const pricesShow = Command.make(
  "show",
  {
    version: Argument.String("version").pipe(
      Argument.withDescription("Default: the book in force now"),
      Argument.optional,
    ),
    at: Flag.String("at").pipe(
      Flag.withMetavar("INSTANT"),
      Flag.withDescription("The book in force then"),
      Flag.optional,
    ),
    model: Flag.String("model").pipe(Flag.withDescription("Only this model (its id or an alias)"), Flag.optional),
  },
  (input) => answering(show(input)),
).pipe(
  Command.withDescription("Show a price book: USD per million tokens of every model"),
  Command.withExamples([
    { command: "credits prices show", description: "The book in force now" },
    {
      command: "credits prices show --model gpt-5 --at 2026-01-01T00:00:00Z",
      description: "What did a model cost then?",
    },
    { command: "credits prices show --json", description: "`data` can be edited and published as a new version" },
  ]),
)

const list = Effect.gen(function* () {
  const system = yield* System
  return versionsAnswer(yield* askPricing<VersionsAnswer>(yield* system.connect, { op: "book-list" }))
})

export const pricesList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List the published price books"),
  Command.withExamples([
    { command: "credits prices list", description: "Which book holds from when, and who published it?" },
  ]),
)
