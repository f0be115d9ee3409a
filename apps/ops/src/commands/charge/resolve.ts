/**
 * `credits charge resolve CHARGE --outcome …`: a person decides an outcome that could not be found out in 24 hours,
 * after looking at the processor (R10.2). Credit and subscription follow from it as from any other outcome.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { ChargeView } from "@credits/contracts"
import { answering } from "../../answer.ts"
import { osUser } from "../../audit.ts"
import { chargeJson, chargeText } from "../../billing.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { CommandFailure, EXIT } from "../../failure.ts"
import { askPayments } from "../../paying.ts"
import { System } from "../../system.ts"
import { chargeArgument } from "./show.ts"

interface Input {
  readonly charge: string
  readonly outcome: "succeeded" | "not_executed"
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

/** R10.2: what is still looked up by itself is not guessed at; what is known is not decided otherwise. */
const refuseEarly = (charge: ChargeView, outcome: Input["outcome"]): Effect.Effect<void, CommandFailure> => {
  const { status } = charge
  if (status === "review" || status === outcome) return Effect.void
  const isSought = status === "unknown" || status === "submitting"
  return Effect.fail(
    new CommandFailure({
      exit: EXIT.conflict,
      code: "not_resolvable",
      detail: `the charge is ${status}: only one in review is decided by a person`,
      next: isSought
        ? "payments looks it up by itself for 24 hours, and `credits charge look-up` does now; then it is in review"
        : "its outcome is known: `credits charge show` tells it",
    }),
  )
}

const resolve = ({ charge: chargeId, outcome, apply, reason: given }: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(apply, given)
    const system = yield* System
    const bus = yield* system.connect
    const shown = askPayments(bus, { op: "charge-show", chargeId }).pipe(
      Effect.tap((charge) => refuseEarly(charge, outcome)),
      Effect.map((charge) => ({ json: chargeJson(charge), text: chargeText(charge) })),
    )
    const decided = askPayments(bus, { op: "charge-resolve", chargeId, outcome, by: osUser(), reason })
    return yield* changeOne({
      command: "charge resolve",
      apply,
      reason,
      input: { chargeId, outcome },
      plan: shown,
      perform: Effect.map(decided, (charge) => ({ json: chargeJson(charge), text: chargeText(charge) })),
    })
  })

export const chargeResolve = Command.make(
  "resolve",
  {
    charge: chargeArgument,
    outcome: Flag.Literals("outcome", ["succeeded", "not_executed"]).pipe(
      Flag.withDescription("What the processor shows: the money moved, or it never did"),
    ),
    apply: applyFlag,
    reason: reasonFlag,
  },
  (input) => answering(resolve(input)),
).pipe(
  Command.withDescription("Decide a charge whose outcome nobody could find out"),
  Command.withExamples([
    { command: "credits charge resolve chg_01k9zq --outcome succeeded", description: "Dry run: the charge as it is" },
    {
      command:
        'credits charge resolve chg_01k9zq --outcome not_executed --apply --reason "no such payment at the processor"',
      description: "It was never executed; it may be tried again",
    },
  ]),
)
