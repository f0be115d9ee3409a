/** `credits charge show CHARGE`: one charge with everything that is kept of it. */
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { answering } from "../../answer.ts"
import { chargeJson, chargeText } from "../../billing.ts"
import { askPayments } from "../../paying.ts"
import { System } from "../../system.ts"

export const chargeArgument = Argument.String("charge").pipe(Argument.withDescription("Charge id (chg_…)"))

const show = (chargeId: string) =>
  Effect.gen(function* () {
    const system = yield* System
    const charge = yield* askPayments(yield* system.connect, { op: "charge-show", chargeId })
    return { json: chargeJson(charge), text: chargeText(charge) }
  })

export const chargeShow = Command.make("show", { charge: chargeArgument }, ({ charge }) =>
  answering(show(charge)),
).pipe(
  Command.withDescription("Show one charge: obligation, attempt, outcome, where it is at the processor"),
  Command.withExamples([{ command: "credits charge show chg_01k9zq", description: "The charge as a table" }]),
)
