/**
 * `credits charge look-up CHARGE`: has the card processor asked now how one charge stands, instead of at the next look
 * that payments makes by itself (R10.2). Without `--apply` it only tells; nobody's word decides in either case.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { osUser } from "../../audit.ts"
import { chargeJson, chargeText, lookUpJson, lookUpText } from "../../billing.ts"
import { changeOne } from "../../change-one.ts"
import { applyFlag, reasonFlag, requireReason } from "../../changes.ts"
import { askPayments } from "../../paying.ts"
import { System } from "../../system.ts"
import { chargeArgument } from "./show.ts"

interface Input {
  readonly charge: string
  readonly apply: boolean
  readonly reason: Option.Option<string>
}

const lookUp = ({ charge: chargeId, apply, reason: given }: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(apply, given)
    const system = yield* System
    const bus = yield* system.connect
    const told = askPayments(bus, { op: "charge-look-up", chargeId })
    const known = askPayments(bus, { op: "charge-show", chargeId })
    const taken = askPayments(bus, { op: "charge-look-up", chargeId, take: { by: osUser(), reason } })
    return yield* changeOne({
      command: "charge look-up",
      apply,
      reason,
      input: { chargeId },
      // One look is enough: with `--apply` the one that counts.
      plan: apply
        ? Effect.map(known, (charge) => ({ json: chargeJson(charge), text: chargeText(charge) }))
        : Effect.map(told, (looked) => ({ json: lookUpJson(looked, false), text: lookUpText(looked, false) })),
      perform: Effect.map(taken, (looked) => ({ json: lookUpJson(looked, true), text: lookUpText(looked, true) })),
    })
  })

export const chargeLookUp = Command.make(
  "look-up",
  { charge: chargeArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(lookUp(input)),
).pipe(
  Command.withDescription("Ask the card processor now how a charge stands"),
  Command.withExamples([
    { command: "credits charge look-up chg_01k9zq", description: "Dry run: what the processor shows" },
    {
      command: 'credits charge look-up chg_01k9zq --apply --reason "ticket 4740: the customer waits"',
      description: "Take over what it shows",
    },
  ]),
)
