/**
 * `credits charge refund CHARGE`: gives a proven duplicate or a charge made in error back, and takes back the credit it
 * granted (R5.2). Never because somebody cancelled.
 */
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { osUser } from "../../audit.ts"
import { chargeJson, chargeText } from "../../billing.ts"
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

const refund = ({ charge: chargeId, apply, reason: given }: Input) =>
  Effect.gen(function* () {
    const reason = yield* requireReason(apply, given)
    const system = yield* System
    const bus = yield* system.connect
    const shown = askPayments(bus, { op: "charge-show", chargeId })
    const refunded = askPayments(bus, { op: "charge-refund", chargeId, by: osUser(), reason })
    return yield* changeOne({
      command: "charge refund",
      apply,
      reason,
      input: { chargeId },
      plan: Effect.map(shown, (charge) => ({ json: chargeJson(charge), text: chargeText(charge) })),
      perform: Effect.map(refunded, (charge) => ({ json: chargeJson(charge), text: chargeText(charge) })),
    })
  })

export const chargeRefund = Command.make(
  "refund",
  { charge: chargeArgument, apply: applyFlag, reason: reasonFlag },
  (input) => answering(refund(input)),
).pipe(
  Command.withDescription("Refund a proven duplicate or error, and take back the credit it granted"),
  Command.withExamples([
    { command: "credits charge refund chg_01k9zq", description: "Dry run: what would be refunded" },
    {
      command: 'credits charge refund chg_01k9zq --apply --reason "case rev_01k9zr: charged twice"',
      description: "Refund it",
    },
  ]),
)
