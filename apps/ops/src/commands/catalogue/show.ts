/** `credits catalogue show|list`: the plan catalogue in force, at an instant, or of a version (R0). */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { CatalogueAnswer, VersionsAnswer } from "@credits/contracts"
import { parseInstant } from "@credits/kernel"
import { answering } from "../../answer.ts"
import { usage } from "../../failure.ts"
import { askPricing } from "../../pricing.ts"
import { System } from "../../system.ts"
import { facts, table } from "../../table.ts"
import { versionsAnswer } from "../../versions.ts"
import { instantOf } from "../../wallet.ts"

interface Input {
  readonly version: Option.Option<string>
  readonly at: Option.Option<string>
}

const plansTable = (plans: CatalogueAnswer["data"]["plans"]): string =>
  table(
    [
      { title: "PLAN" },
      { title: "RANK", align: "right" },
      { title: "HOSTED MODELS" },
      { title: "FIRST MONTH", align: "right" },
      { title: "MONTH", align: "right" },
      { title: "YEAR", align: "right" },
      { title: "CREDITS A CYCLE", align: "right" },
      { title: "TOP-UP BELOW / BY" },
    ],
    plans.map((plan) => [
      plan.id,
      plan.rank,
      plan.hostedModels ? "yes" : "no",
      plan.monthly?.firstMonthUsd ?? null,
      plan.monthly?.renewalUsd ?? null,
      plan.yearly?.totalUsd ?? null,
      plan.creditsPerCycleUsd,
      plan.autoTopUp === null ? "–" : `${plan.autoTopUp.thresholdUsd} / ${plan.autoTopUp.amountUsd}`,
    ]),
  )

const show = (input: Input) =>
  Effect.gen(function* () {
    const at = Option.isSome(input.at) ? parseInstant(input.at.value) : undefined
    if (at === null) return yield* usage("--at is no instant", "write 2026-11-23T10:00:00Z")
    const system = yield* System
    const catalogue = yield* askPricing<CatalogueAnswer>(yield* system.connect, {
      op: "catalogue-show",
      ...(Option.isSome(input.version) ? { version: input.version.value } : {}),
      ...(at === undefined ? {} : { at }),
    })
    return {
      json: {
        ...catalogue,
        effectiveAt: instantOf(catalogue.effectiveAt),
        publishedAt: instantOf(catalogue.publishedAt),
      },
      text: `${facts([
        ["version", catalogue.version],
        ["in force from", instantOf(catalogue.effectiveAt)],
        ["published", `${instantOf(catalogue.publishedAt)} by ${catalogue.by}`],
        ["amounts", "USD"],
      ])}\n\n${plansTable(catalogue.data.plans)}`,
    }
  })

export const catalogueShow = Command.make(
  "show",
  {
    version: Argument.String("version").pipe(
      Argument.withDescription("Default: the catalogue in force now"),
      Argument.optional,
    ),
    at: Flag.String("at").pipe(
      Flag.withMetavar("INSTANT"),
      Flag.withDescription("The catalogue in force then"),
      Flag.optional,
    ),
  },
  (input) => answering(show(input)),
).pipe(
  Command.withDescription("Show the plan catalogue: prices and credits of every plan"),
  Command.withExamples([
    { command: "credits catalogue show", description: "The plans in force now" },
    { command: "credits catalogue show --json", description: "`data` can be edited and published as a new version" },
  ]),
)

const list = Effect.gen(function* () {
  const system = yield* System
  return versionsAnswer(yield* askPricing<VersionsAnswer>(yield* system.connect, { op: "catalogue-list" }))
})

export const catalogueList = Command.make("list", {}, () => answering(list)).pipe(
  Command.withDescription("List the published catalogues"),
  Command.withExamples([{ command: "credits catalogue list", description: "Which catalogue holds from when?" }]),
)
